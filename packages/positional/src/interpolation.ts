import {
  matMul,
  reshape,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tensor2d,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';

import { type InterpolationOptions, interpolationWeights } from './interpolation-weights.ts';

/** Rows and columns of a grid of positions. */
export type GridSize = readonly [rows: number, columns: number];

/**
 * Learned positions of a grid for a grid of another size, as `torch.nn.functional.interpolate(align_corners=False)` computes it: what Vision Transformers do
 * for images of another size (Dosovitskiy et al. 2021, section 3.2), bicubic by default. Has a gradient.
 *
 * @param positions [1, rows · columns, dim], row by row
 * @returns [1, newRows · newColumns, dim]; a grid of the same size comes back with the same bits
 */
export function interpolatePositions(
  positions: Tensor3D,
  {
    from: [rows, columns],
    to: [newRows, newColumns],
    ...options
  }: InterpolationOptions & { from: GridSize; to: GridSize },
): Tensor3D {
  if (rows === newRows && columns === newColumns) return positions.clone();
  const dim = positions.shape[2];
  return tidy(() => {
    const vertical = tensor2d(interpolationWeights({ from: rows, to: newRows }, options), [newRows, rows]);
    const horizontal = tensor2d(interpolationWeights({ from: columns, to: newColumns }, options), [
      newColumns,
      columns,
    ]);
    const stretched = matMul(vertical, reshape(positions as Tensor, [rows, columns * dim]) as Tensor2D); // [newRows, columns * dim]
    const lines = transpose(reshape(stretched as Tensor, [newRows, columns, dim]), [1, 0, 2]); // [columns, newRows, dim]
    const widened = matMul(horizontal, reshape(lines, [columns, newRows * dim]) as Tensor2D); // [newColumns, newRows * dim]
    const grid = transpose(reshape(widened as Tensor, [newColumns, newRows, dim]), [1, 0, 2]); // [newRows, newColumns, dim]
    return reshape(grid, [1, newRows * newColumns, dim]) as Tensor3D;
  });
}
