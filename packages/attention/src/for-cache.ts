import type { AttendOptions } from '@formers/backend';
import { concat, less, range, reshape, slice, type Tensor, type Tensor4D, tile, zeros } from '@tensorflow/tfjs-core';

import type { LayerCache } from './kv-cache.ts';

/**
 * The options of `attend` for keys that a cache gave back: it may have dropped the oldest tokens, and have room behind the newest that nobody may look at.
 *
 * @param options With masks and biases that have a column for every token seen so far.
 * @param cache After the new tokens were added.
 * @param keys How many keys it gave back.
 * @param queries How many tokens were added.
 */
export function forCache(
  options: AttendOptions,
  { cache, keys, queries }: { cache: LayerCache; keys: number; queries: number },
): AttendOptions {
  const { room = 0, window } = cache;
  if (room === 0 && window === undefined) return options;
  const held = keys - room;
  const limits = [options.window, window].filter((limit) => limit !== undefined);
  const fit = (x: Tensor | undefined, dtype: 'bool' | 'float32'): Tensor | undefined =>
    x && fitColumns(x, { held, room, dtype });
  const mask = fit(options.mask, 'bool') ?? (options.causal || room === 0 ? undefined : filled(held, keys));
  return {
    ...options,
    queryOffset: held - queries,
    ...(limits.length > 0 && { window: Math.min(...limits) }),
    mask,
    bias: fit(options.bias, 'float32'),
  };
}

/** The last `held` columns, and `room` empty ones. A single column stands for all of them. */
function fitColumns(
  x: Tensor,
  { held, room, dtype }: { held: number; room: number; dtype: 'bool' | 'float32' },
): Tensor {
  const rest = x.shape.slice(0, -1);
  const width = x.shape.at(-1) ?? 1;
  if (width === 1 && room === 0) return x;
  const all = width === 1 && held > 1 ? tile(x, [...rest.map(() => 1), held]) : x;
  const begin = [...rest.map(() => 0), (all.shape.at(-1) ?? 1) - held];
  const seen = slice(all, begin, [...rest, held]);
  return room === 0 ? seen : concat([seen, zeros([...rest, room], dtype)], -1);
}

/** True for the keys that hold a token: [1, 1, 1, keys]. */
function filled(held: number, keys: number): Tensor4D {
  return reshape(less(range(0, keys, 1, 'int32'), held), [1, 1, 1, keys]);
}
