import { ShapeError, ValueError } from '@formers/backend';
import { concat, gather, keep, slice, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

/** Keys and values that one attention layer has seen. */
export interface LayerCache {
  /** Tokens seen so far. */
  readonly length: number;
  /** How many of the keys that {@link append} gives back, at the end, are room for more tokens; default 0. */
  readonly room?: number;
  /** How many tokens up to its own a query may see; default all. */
  readonly window?: number;
  /**
   * Adds keys and values of new tokens, each [batch, kvHeads, newTokens, headDim].
   *
   * @returns All that is held, [batch, kvHeads, keys, headDim]; borrowed from the cache. Pass options through {@link forCache} to attend to them.
   */
  append(k: Tensor4D, v: Tensor4D): readonly [k: Tensor4D, v: Tensor4D];
}

/** Keys and values of all layers of a decoder, so that each token is computed once. Users may keep one across turns. */
export interface KVCache extends Disposable {
  /** Tokens seen so far, the same for every layer. */
  readonly length: number;
  layer(index: number): LayerCache;
  /** Forgets all tokens from position `length` on; one that has dropped old tokens may have to forget all. */
  crop(length: number): void;
  /** Puts the rows of the batch in another order; a row may stand in it several times, or no more (beam search). */
  selectRows(rows: readonly number[]): void;
  dispose(): void;
}

/** A cache that grows with every token. */
export class GrowingKVCache implements KVCache {
  readonly #layers: GrowingLayer[] = [];

  get length(): number {
    return this.#layers[0]?.length ?? 0;
  }

  layer(index: number): LayerCache {
    return (this.#layers[index] ??= new GrowingLayer());
  }

  crop(length: number): void {
    for (const layer of this.#layers) layer.crop(length);
  }

  selectRows(rows: readonly number[]): void {
    for (const layer of this.#layers) layer.selectRows(rows);
  }

  dispose(): void {
    for (const layer of this.#layers) layer.crop(0);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class GrowingLayer implements LayerCache {
  #held: readonly [k: Tensor4D, v: Tensor4D] | undefined; // each [batch, kvHeads, length, headDim]

  get length(): number {
    return this.#held?.[0].shape[2] ?? 0;
  }

  append(k: Tensor4D, v: Tensor4D): readonly [k: Tensor4D, v: Tensor4D] {
    const held = this.#held;
    if (held && held[0].shape[0] !== k.shape[0])
      throw new ShapeError(
        `KVCache: k must have the batch size ${held[0].shape[0]} that the cache holds, got ${k.shape[0]}`,
      );
    return this.#replace(held ? [concat([held[0], k], 2), concat([held[1], v], 2)] : [k.clone(), v.clone()]);
  }

  crop(length: number): void {
    const held = this.#held;
    if (!held || length >= this.length) return;
    if (length === 0) return void this.#replace(undefined);
    this.#replace(tidy(() => [firstTokens(held[0], length), firstTokens(held[1], length)]));
  }

  selectRows(rows: readonly number[]): void {
    const held = this.#held;
    if (!held) return;
    const [batch] = held[0].shape;
    checkRows(rows, batch);
    this.#replace(tidy(() => [gather(held[0], [...rows]), gather(held[1], [...rows])]));
  }

  #replace<T extends [Tensor4D, Tensor4D] | undefined>(next: T): T {
    for (const tensor of this.#held ?? []) tensor.dispose();
    this.#held = next;
    for (const tensor of next ?? []) keep(tensor); // longer than the scope of the call that made it
    return next;
  }
}

/** @throws {@link ValueError} for rows that aren't in the cache. */
export function checkRows(rows: readonly number[], batch: number): void {
  if (rows.length === 0 || rows.some((row) => !(Number.isInteger(row) && row >= 0 && row < batch)))
    throw new ValueError(`KVCache.selectRows: rows must be among the ${batch} of the cache, got [${rows.join(', ')}]`);
}

/** The first `length` tokens of keys or values: [batch, heads, length, headDim]. */
export function firstTokens(x: Tensor4D, length: number): Tensor4D {
  const [batch, heads, , headDim] = x.shape;
  return slice(x, [0, 0, 0, 0], [batch, heads, length, headDim]);
}
