import { type GridSize, sinusoidalGrid } from '@formers/positional';
import { type Rank, tensor3d, tidy, type Variable, variable } from '@tensorflow/tfjs-core';

/**
 * Sines and cosines of the places of patches, after a row of zeros for the class token: [1, 1 + patches, dim]. They are stored with the weights, and not
 * trained (He et al. 2022, section 3.1 and its footnote).
 */
export function fixedPositions({ dim, grid }: { dim: number; grid: GridSize }): Variable<Rank.R3> {
  const tokens = 1 + grid[0] * grid[1];
  return tidy(() => variable(tensor3d(sinusoidalGrid({ dim, grid, classTokens: 1 }), [1, tokens, dim]), false));
}
