import {
  any,
  cast,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  mul,
  range,
  reshape,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

import { type AttentionMask, paddingMask } from './attention-mask.ts';

/** A mask and a bias that belong together; both go to `attend`, without `causal`. */
export interface MaskAndBias {
  /** bool [batch, 1 or heads, queries, keys], true = may attend. */
  mask: Tensor4D;
  /** float32 [batch, 1 or heads, queries, 1], added to the scores. */
  bias: Tensor4D;
}

/**
 * Hides padding and what comes later, the way Hugging Face's eager attention does: a query that would see no key (padding on the left) attends to all
 * keys alike, the hidden ones too. That reaches the loss where a padding token predicts the first real one.
 *
 * @param attentionMask [batch, keys], 1 (or true) = token, 0 = padding; or for each query: [batch, queries, keys] or [batch, 1 or heads, queries, keys]
 * @param queries How many of the last keys are queries.
 */
export function causalPaddingMask(attentionMask: AttentionMask, queries: number): MaskAndBias {
  return tidy(() => {
    const seen = paddingMask(attentionMask); // [batch, 1 or heads, 1 or queries, keys]
    const keys = seen.shape[3];
    const position = reshape(range(keys - queries, keys, 1, 'int32'), [1, 1, queries, 1]);
    const earlier = lessEqual(reshape(range(0, keys, 1, 'int32'), [1, 1, 1, keys]), position); // [1, 1, queries, keys]
    const visible = logicalAnd(seen, earlier); // [batch, 1 or heads, queries, keys]
    const blind = logicalNot(any(visible, 3, true)); // [batch, 1 or heads, queries, 1]
    // So large that it swallows the scores: all keys of a blind query weigh the same, yet the scores keep their gradient.
    return { mask: logicalOr(visible, blind) as Tensor4D, bias: mul(cast(blind, 'float32'), -1e30) as Tensor4D };
  });
}
