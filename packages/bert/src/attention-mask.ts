import { paddingMask } from '@formers/attention';
import { type AttendOptions, checkShape, ShapeError } from '@formers/backend';
import {
  any,
  cast,
  expandDims,
  logicalNot,
  logicalOr,
  maximum,
  mul,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

/**
 * Who may be attended to, as Hugging Face's encoders take it: [batch, keys] hides padding, [batch, queries, keys] says it for each query (block-diagonal:
 * packed sequences), 1 (or true) = may attend. [batch, 1 or heads, queries, keys] is the same where it is bool or int32, and added to the scores where it is float32.
 */
export type AttentionMask = Tensor2D | Tensor3D | Tensor4D;

/**
 * The masks of `attend` for an {@link AttentionMask}. A query that would see nothing attends to all keys alike, as in Hugging Face's eager attention.
 *
 * @param seq Of the tokens, for the check of shapes.
 * @throws {@link ShapeError} for a mask of another shape.
 */
export function encoderMask(attentionMask: AttentionMask, seq: number): Pick<AttendOptions, 'mask' | 'bias'> {
  const mask = attentionMask as Tensor;
  const [batch = 1] = mask.shape;
  switch (mask.rank) {
    case 2:
      checkShape('attentionMask', mask, [batch, seq]);
      return blindToAll(tidy(() => paddingMask(attentionMask as Tensor2D))); // [batch, 1, 1, keys]
    case 3:
      checkShape('attentionMask', mask, [batch, seq, seq]);
      return blindToAll(tidy(() => expandDims(cast(mask, 'bool'), 1))); // [batch, 1, queries, keys]
    case 4:
      checkShape('attentionMask', mask, [batch, 'heads', mask.shape[2] === 1 ? 1 : seq, seq]);
      return mask.dtype === 'float32'
        ? { bias: maximum(mask, HIDDEN) } // -Infinity would make NaN where everything is hidden
        : blindToAll(tidy(() => cast(mask, 'bool')));
    default:
      throw new ShapeError(
        `attentionMask must be [batch, keys], [batch, queries, keys] or [batch, heads, queries, keys], got [${mask.shape.join(', ')}]`,
      );
  }
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
