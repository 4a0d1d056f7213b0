import { embedding } from '@formers/backend';
import { type GridSize, type InterpolationOptions, interpolatePositions } from '@formers/positional';
import {
  add,
  concat,
  range,
  reshape,
  slice,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tidy,
} from '@tensorflow/tfjs-core';

/** One token of each row: [batch, tokens, dim] to [batch, dim]. The first stands for the whole image. */
export function tokenOf(x: Tensor3D, index = 0): Tensor2D {
  const [batch, , dim] = x.shape;
  return tidy(() => reshape(slice(x, [0, index, 0], [batch, 1, dim]) as Tensor, [batch, dim]) as Tensor2D);
}

/** The tokens from `first` on: [batch, tokens, dim] to [batch, tokens - first, dim]. */
export function tokensFrom(x: Tensor3D, first: number): Tensor3D {
  return slice(x, [0, first, 0], [-1, -1, -1]);
}

/**
 * Some tokens of each row, in a given order; has a gradient.
 *
 * @param x [batch, tokens, dim]
 * @param ids int32 [batch, chosen], below `tokens`
 * @returns [batch, chosen, dim]
 */
export function gatherTokens(x: Tensor3D, ids: Tensor2D): Tensor3D {
  const [batch, tokens, dim] = x.shape;
  return tidy(() => {
    const rows = reshape(range(0, batch * tokens, tokens, 'int32'), [batch, 1]); // where each row begins
    return embedding<Tensor3D>(reshape(x as Tensor, [batch * tokens, dim]) as Tensor2D, add(ids, rows)); // [batch, chosen, dim]
  });
}

/** How {@link positionsForGrid} interpolates. */
export interface GridRequest extends InterpolationOptions {
  /** How many positions come before those of the patches, and stay as they are. */
  numPrefixTokens: number;
  from: GridSize;
  to: GridSize;
}

/**
 * Learned positions for a grid of patches of another size (Dosovitskiy et al. 2021, section 3.2).
 *
 * @param positions [1, prefix + patches, dim]
 * @returns [1, prefix + other patches, dim]; `positions` themselves for a grid of the same size
 */
export function positionsForGrid(
  positions: Tensor3D,
  { numPrefixTokens, from, to, ...options }: GridRequest,
): Tensor3D {
  if (from.join() === to.join()) return positions;
  const patches = interpolatePositions(tokensFrom(positions, numPrefixTokens), { from, to, ...options });
  return numPrefixTokens === 0 ? patches : concat([slice(positions, [0, 0, 0], [1, numPrefixTokens, -1]), patches], 1);
}
