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

/** Rows and columns of a grid of positions. */
export type GridSize = readonly [rows: number, columns: number];

/**
 * Learned positions of a grid for a grid of another size, by bicubic interpolation as `torch.nn.functional.interpolate(mode='bicubic', align_corners=False)`
 * computes it: what Vision Transformers do for images of another size (Dosovitskiy et al. 2021, section 3.2). Has a gradient.
 *
 * @param positions [1, rows · columns, dim], row by row
 * @returns [1, newRows · newColumns, dim]; a grid of the same size comes back with the same bits
 */
export function interpolatePositions(
  positions: Tensor3D,
  { from: [rows, columns], to: [newRows, newColumns] }: { from: GridSize; to: GridSize },
): Tensor3D {
  if (rows === newRows && columns === newColumns) return positions.clone();
  const dim = positions.shape[2];
  return tidy(() => {
    const vertical = tensor2d(bicubicWeights(rows, newRows), [newRows, rows]);
    const horizontal = tensor2d(bicubicWeights(columns, newColumns), [newColumns, columns]);
    const stretched = matMul(vertical, reshape(positions as Tensor, [rows, columns * dim]) as Tensor2D); // [newRows, columns * dim]
    const lines = transpose(reshape(stretched as Tensor, [newRows, columns, dim]), [1, 0, 2]); // [columns, newRows, dim]
    const widened = matMul(horizontal, reshape(lines, [columns, newRows * dim]) as Tensor2D); // [newColumns, newRows * dim]
    const grid = transpose(reshape(widened as Tensor, [newColumns, newRows, dim]), [1, 0, 2]); // [newRows, newColumns, dim]
    return reshape(grid, [1, newRows * newColumns, dim]) as Tensor3D;
  });
}

/** How much each old place counts for each new one, [to, from]: cubic convolution with a = -0.75 (Keys 1981), edges repeated. */
export function bicubicWeights(from: number, to: number): Float32Array {
  const weights = new Float32Array(to * from);
  for (let place = 0; place < to; place++) {
    const source = ((place + 0.5) * from) / to - 0.5;
    const first = Math.floor(source);
    for (let tap = -1; tap <= 2; tap++) {
      const old = Math.min(from - 1, Math.max(0, first + tap));
      weights[place * from + old] = (weights[place * from + old] as number) + cubic(Math.abs(source - first - tap));
    }
  }
  return weights;
}

/** The kernel of cubic convolution at a distance of 0 to 2. */
function cubic(distance: number, a = -0.75): number {
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a;
}
