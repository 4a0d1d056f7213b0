import { type AttentionMask, type MaskAndBias, paddingMask } from '@formers/attention';
import {
  any,
  cast,
  logicalAnd,
  logicalNot,
  logicalOr,
  mul,
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

/** A mask, and the queries that weigh all keys it shows them alike; both go to `FusedSelfAttention`, without `causal`. */
export interface MaskAndEvenly {
  /** bool [batch, 1 or heads, queries, keys], true = may attend. */
  mask: Tensor4D;
  /** bool [batch, 1 or heads, queries, 1] */
  evenly: Tensor4D;
}

/**
 * Hides padding and what comes later as Hugging Face's GPT-1 does: a query without a token to see sees all later tokens alike, and if there are none, all
 * padding. There the scores have no gradient: the library overwrites those of later tokens, where GPT-2's and GPT-Neo's are only swallowed.
 *
 * @param attentionMask [batch, keys], 1 = token, 0 = padding; or for each query: [batch, queries, keys] or [batch, 1 or heads, queries, keys]
 * @param queries How many of the last keys are queries.
 */
export function gpt1Mask(attentionMask: AttentionMask, queries: number): MaskAndEvenly {
  return tidy(() => {
    const isToken = paddingMask(attentionMask); // [batch, 1, 1 or queries, keys]
    const earlier = bandMask(queries, isToken.shape[3]); // [1, 1, queries, keys]
    const visible = logicalAnd(isToken, earlier); // [batch, 1, queries, keys]
    const blind = logicalNot(any(visible, 3, true)); // [batch, 1, queries, 1]
    const isEmpty = logicalNot(any(isToken, 3, true)); // [batch, 1, 1 or queries, 1]
    const mask = logicalOr(visible, logicalAnd(blind, logicalOr(isToken, isEmpty))); // [batch, 1, queries, keys]
    return { mask: mask as Tensor4D, evenly: blind as Tensor4D };
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
    const mask = logicalOr(visible, logicalAnd(blind, near)); // [batch, 1, queries, keys]
    return { mask: mask as Tensor4D, bias: mul(cast(blind, 'float32'), SWALLOW) as Tensor4D };
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
