import { ConfigError } from '@formers/backend';

import type { GridSize } from './interpolation.ts';
import { sinusoidalColumns, type SinusoidalSpacing } from './sinusoidal.ts';

/** Options of {@link sinusoidalGrid}. */
export interface SinusoidalGridOptions {
  /** A multiple of 4. */
  dim: number;
  grid: GridSize;
  /** Rows of zeros before the grid's, one for each class token; default 0. */
  classTokens?: number;
  /** Default `open`, as in MAE; the ViT of big_vision has `closed`. */
  spacing?: SinusoidalSpacing;
}

/**
 * Sinusoidal positions of a grid of patches, row by row: the first half of the columns tells the place within the row, the second half the row; each half
 * is sines, then cosines (He et al. 2022, MAE).
 *
 * @returns [classTokens + rows · columns, dim]
 * @throws {@link ConfigError} when dim isn't a multiple of 4, or 4 with closed spacing.
 */
export function sinusoidalGrid({
  dim,
  grid: [rows, columns],
  classTokens = 0,
  spacing = 'open',
}: SinusoidalGridOptions): Float32Array {
  if (!(dim > 0 && dim % 4 === 0)) throw new ConfigError(`sinusoidalGrid: dim must be a multiple of 4, got ${dim}`);
  const half = sinusoidalColumns(dim / 2, { layout: 'halves', spacing });
  const table = new Float32Array((classTokens + rows * columns) * dim);
  for (let patch = 0; patch < rows * columns; patch++) {
    const [x, y] = [patch % columns, Math.floor(patch / columns)];
    for (const { column, rate, wave } of half) {
      const at = (classTokens + patch) * dim + column;
      table[at] = wave(x * rate);
      table[at + dim / 2] = wave(y * rate);
    }
  }
  return table;
}
