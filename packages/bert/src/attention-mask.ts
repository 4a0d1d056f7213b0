import { type AttentionMask, checkAttentionMask, paddingMask } from '@formers/attention';
import type { AttendOptions } from '@formers/backend';
import { any, cast, logicalNot, logicalOr, maximum, mul, type Tensor, tidy } from '@tensorflow/tfjs-core';

/**
 * The masks of `attend` for an {@link AttentionMask}, as Hugging Face's encoders take it: float32 of rank 4 is added to the scores. A query that would see nothing
 * attends to all keys alike, as in Hugging Face's eager attention.
 *
 * @param seq Of the tokens, for the check of shapes.
 * @throws ShapeError for a mask of another shape than they make.
 */
export function encoderMask(attentionMask: AttentionMask, seq: number): Pick<AttendOptions, 'mask' | 'bias'> {
  const mask = attentionMask as Tensor;
  const [batch = 1] = mask.shape;
  checkAttentionMask('attentionMask', attentionMask, { batch, queries: seq, keys: seq });
  if (mask.rank === 4 && mask.dtype === 'float32') return { bias: maximum(mask, HIDDEN) }; // -Infinity would make NaN where everything is hidden
  return blindToAll(paddingMask(attentionMask));
}

/** So far below every score that it swallows them, and finite. */
const HIDDEN = -1e30;

/** Lets queries that see nothing see all keys, with scores that are all the same. */
function blindToAll(visible: Tensor): Pick<AttendOptions, 'mask' | 'bias'> {
  return tidy(() => {
    const blind = logicalNot(any(visible, 3, true)); // [batch, 1 or heads, 1 or queries, 1]
    return { mask: logicalOr(visible, blind), bias: mul(cast(blind, 'float32'), HIDDEN) };
  });
}
