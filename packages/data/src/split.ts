import { ConfigError } from '@formers/backend';

import { DataError } from './errors.ts';
import { shuffledIndices } from './shuffle.ts';

/** How to part items for training from those held out. */
export interface SplitOptions {
  /** Share of the items that is held out, in (0, 1). */
  validation: number;
}

/**
 * Parts a list in two. Without a seed the last part is held out, in order; with one, random items are.
 *
 * @throws {@link DataError} `split` when one side would be empty.
 */
export function splitItems<T>(
  items: readonly T[],
  { validation, seed }: SplitOptions & { seed?: number },
): { train: T[]; validation: T[] } {
  const at = splitPoint(items.length, { validation, where: 'splitItems', unit: 'items' });
  if (seed === undefined) return { train: items.slice(0, at), validation: items.slice(at) };
  const order = shuffledIndices(items.length, { seed });
  const pick = (indices: Uint32Array): T[] => Array.from(indices.sort(), (i) => items[i] as T);
  return { train: pick(order.slice(0, at)), validation: pick(order.slice(at)) };
}

/** How many of `length` things go to training: nanoGPT's `int(length * (1 - validation))`. */
export function splitPoint(
  length: number,
  { validation, where, unit }: SplitOptions & { where: string; unit: string },
): number {
  if (!(validation > 0 && validation < 1)) {
    throw new ConfigError(`${where}: validation must be a share in (0, 1), got ${validation}`);
  }
  const train = Math.floor(length * (1 - validation));
  if (train > 0 && train < length) return train;
  throw new DataError('split', `${where}: ${length} ${unit} leave one side empty with validation = ${validation}`);
}
