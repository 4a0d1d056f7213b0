import { type AttentionMask, type MaskAndBias, paddingMask } from '@formers/attention';
import {
  any,
  cast,
  logicalAnd,
  logicalNot,
  logicalOr,
  mul,
  type Tensor,
  type Tensor4D,
  tensor4d,
  tidy,
} from '@tensorflow/tfjs-core';

/*
 * What a query sees that has no token to see (padding on the left) is an accident of each library's arithmetic, and it reaches the loss where a padding
 * token predicts the first real one. These masks reproduce it; `causalPaddingMask` of `@formers/attention` is GPT-2's.
 */

/** So large that it swallows the scores: all keys that a blind query sees weigh the same. */
const SWALLOW = -1e30;

/**
 * Hides padding and what comes later as Hugging Face's GPT-1 does: a query without a token to see sees all later tokens alike, and if there are none, all
 * padding.
 *
 * @param attentionMask [batch, keys], 1 = token, 0 = padding; or for each query: [batch, queries, keys] or [batch, 1 or heads, queries, keys]
 * @param queries How many of the last keys are queries.
 */
export function gpt1Mask(attentionMask: AttentionMask, queries: number): MaskAndBias {
  return tidy(() => {
    const isToken = paddingMask(attentionMask); // [batch, 1, 1 or queries, keys]
    const earlier = bandMask(queries, isToken.shape[3]); // [1, 1, queries, keys]
    const visible = logicalAnd(isToken, earlier); // [batch, 1, queries, keys]
    const blind = logicalNot(any(visible, 3, true)); // [batch, 1, queries, 1]
    const isEmpty = logicalNot(any(isToken, 3, true)); // [batch, 1, 1 or queries, 1]
    return maskAndBias(logicalOr(visible, logicalAnd(blind, logicalOr(isToken, isEmpty))), blind);
  });
}

/**
 * Hides padding, what comes later, and what lies before the window as Hugging Face's GPT-Neo does: a query without a token to see sees all padding in its
 * window alike.
 *
 * @param attentionMask [batch, keys], 1 = token, 0 = padding; or for each query: [batch, queries, keys] or [batch, 1 or heads, queries, keys]
 * @param options.queries How many of the last keys are queries.
 * @param options.window How many keys up to its own position a query sees; default all.
 */
export function gptNeoMask(
  attentionMask: AttentionMask,
  { queries, window }: { queries: number; window?: number | undefined },
): MaskAndBias {
  return tidy(() => {
    const isToken = paddingMask(attentionMask); // [batch, 1, 1 or queries, keys]
    const near = bandMask(queries, isToken.shape[3], window); // [1, 1, queries, keys]
    const visible = logicalAnd(isToken, near); // [batch, 1, queries, keys]
    const blind = logicalNot(any(visible, 3, true)); // [batch, 1, queries, 1]
    return maskAndBias(logicalOr(visible, logicalAnd(blind, near)), blind);
  });
}

/** Whether a key is the query's own or one of the `window - 1` before it: bool [1, 1, queries, keys]. */
function bandMask(queries: number, keys: number, window = Infinity): Tensor4D {
  const near = Uint8Array.from({ length: queries * keys }, (_, i) => {
    const distance = keys - queries + Math.floor(i / keys) - (i % keys);
    return distance >= 0 && distance < window ? 1 : 0;
  });
  return tensor4d(near, [1, 1, queries, keys], 'bool');
}

function maskAndBias(mask: Tensor, blind: Tensor): { mask: Tensor4D; bias: Tensor4D } {
  return { mask: mask as Tensor4D, bias: mul(cast(blind, 'float32'), SWALLOW) as Tensor4D };
}
