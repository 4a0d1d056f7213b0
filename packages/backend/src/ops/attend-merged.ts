import { type Tensor, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';
import { checkShape, ShapeError } from '../errors.ts';
import {
  type AttendAttributes,
  attendAttributes,
  attendOp,
  type AttendOptions,
  mergeHeads,
  splitHeads,
} from './attend.ts';

/** Options of {@link attendMerged}. */
export interface AttendMergedOptions extends AttendOptions {
  numHeads: number;
  /** Heads of keys and values; default `numHeads`. */
  numKvHeads?: number | undefined;
}

/**
 * `attend` on heads that lie side by side, as projections give them, with heads side by side again: an engine with the kernel copies nothing.
 *
 * @param q [batch, queries, heads · headDim]
 * @param k [batch, keys, kvHeads · headDim]
 * @param v [batch, keys, kvHeads · valueDim]
 * @returns [batch, queries, heads · valueDim]
 * @throws {@link ShapeError} when shapes or numbers of heads don't fit.
 */
export function attendMerged(
  q: Tensor3D,
  k: Tensor3D,
  v: Tensor3D,
  { numHeads, numKvHeads = numHeads, ...options }: AttendMergedOptions,
): Tensor3D {
  checkShape('attendMerged: q', q, ['batch', 'queries', 'dim']);
  const [batch, queries, dim] = q.shape;
  const headDim = dim / numHeads;
  if (!Number.isInteger(headDim) || numHeads % numKvHeads !== 0)
    throw new ShapeError(
      `attendMerged: q must be [batch, queries, dim] with ${numHeads} heads dividing dim, a multiple of ${numKvHeads} key heads, got [${q.shape.join(', ')}]`,
    );
  checkShape('attendMerged: k', k, [batch, 'keys', numKvHeads * headDim]);
  const keys = k.shape[1];
  checkShape('attendMerged: v', v, [batch, keys, 'kvHeads * valueDim']);
  if (v.shape[2] % numKvHeads !== 0)
    throw new ShapeError(
      `attendMerged: v must be [batch, keys, kvDim] with ${numKvHeads} heads dividing kvDim, got [${v.shape.join(', ')}]`,
    );
  return attendMergedOp(
    { q, k, v, mask: options.mask, bias: options.bias },
    { ...attendAttributes(queries, keys, headDim, options), numHeads, numKvHeads },
  );
}

type Inputs = {
  readonly q: Tensor3D;
  readonly k: Tensor3D;
  readonly v: Tensor3D;
  readonly mask: Tensor | undefined;
  readonly bias: Tensor | undefined;
};
type Attributes = AttendAttributes & { readonly numHeads: number; readonly numKvHeads: number };

/** Kernel of {@link attendMerged}. */
export const attendMergedOp: Op<Inputs, Attributes, Tensor3D> = defineOp<Inputs, Attributes, Tensor3D>({
  name: 'FormersAttendMerged',
  differentiable: ['q', 'k', 'v', 'bias'],
  saves: ['q', 'k', 'v', 'mask', 'bias'],
  savesOutput: true,
  composition: ({ q, k, v, mask, bias }, { numHeads, numKvHeads, ...attributes }) =>
    tidy(() =>
      mergeHeads(
        attendOp(
          { q: splitHeads(q, numHeads), k: splitHeads(k, numKvHeads), v: splitHeads(v, numKvHeads), mask, bias },
          attributes,
        ),
      ),
    ), // [batch, queries, heads * valueDim]
});
