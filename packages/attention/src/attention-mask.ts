import { checkShape, ShapeError, ValueError } from '@formers/backend';
import {
  cast,
  type Rank,
  reshape,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

/**
 * Who may be attended to, 1 (or true) = may attend: [batch, keys] hides padding, [batch, queries, keys] says it for each query (block-diagonal: packed
 * sequences), [batch, 1 or heads, 1 or queries, keys] for each head, too.
 */
export type AttentionMask = Tensor2D | Tensor3D | Tensor4D;

/** @throws {@link ShapeError} for an {@link AttentionMask} of another shape than these sizes make; `name` begins its message. */
export function checkAttentionMask(
  name: string,
  attentionMask: AttentionMask,
  { batch, queries, keys }: { batch: number; queries: number; keys: number },
): void {
  const mask = attentionMask as Tensor;
  switch (mask.rank) {
    case 2:
      return checkShape(name, mask, [batch, keys]);
    case 3:
      return checkShape(name, mask, [batch, queries, keys]);
    case 4:
      return checkShape(name, mask, [batch, '1 or heads', mask.shape[2] === 1 ? 1 : queries, keys]);
    default:
      throw new ShapeError(
        `${name} must be [batch, keys], [batch, queries, keys] or [batch, heads, queries, keys], got [${mask.shape.join(', ')}]`,
      );
  }
}

/**
 * The boolean mask that hides padding from every query, or from each query what it may not see.
 *
 * @returns bool [batch, 1 or heads, 1 or queries, keys], true = may attend
 * @throws {@link ValueError} for float32 of rank 4, which could as well be meant to be added to the scores.
 */
export function paddingMask(attentionMask: AttentionMask): Tensor4D {
  const mask = attentionMask as Tensor;
  if (mask.rank === 4 && mask.dtype === 'float32')
    throw new ValueError('paddingMask: attentionMask of rank 4 must be bool or int32 (1 = may attend), got float32');
  const [batch = 1, ...rest] = mask.shape;
  const single = new Array<number>(4 - mask.rank).fill(1); // heads, and queries
  return tidy(() =>
    reshape<Rank.R4>(cast(mask, 'bool'), [batch, ...single, ...rest] as [number, number, number, number]),
  );
}
