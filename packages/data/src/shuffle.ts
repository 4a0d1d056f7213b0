import { RandomStream } from '@formers/backend';

/**
 * The numbers from 0 to `count - 1` in a random order that depends on the seed and the epoch alone.
 *
 * @param options.epoch Number of the pass over the data: each has its own order; default 0.
 */
export function shuffledIndices(count: number, { seed, epoch = 0 }: { seed: number; epoch?: number }): Uint32Array {
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  return new RandomStream(seed, `shuffle.${epoch}`).shuffle(indices);
}
