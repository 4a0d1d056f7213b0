import { ValueError } from '@formers/backend';
import { concat, gather, keep, slice, type Tensor4D } from '@tensorflow/tfjs-core';

import { checkRows, firstTokens, type KVCache, type LayerCache } from './kv-cache.ts';

/** A cache that remembers the last tokens alone: each query sees `window` tokens up to its own (Beltagy et al. 2020, section 3.1), and memory stays the same however long the text. */
export class SlidingKVCache implements KVCache {
  readonly window: number;
  readonly #layers: SlidingLayer[] = [];

  /** @param options.window How many tokens a query sees, its own included. */
  constructor({ window }: { window: number }) {
    if (!Number.isInteger(window) || window < 1)
      throw new ValueError(`SlidingKVCache: window must be a whole number of at least 1, got ${window}`);
    this.window = window;
  }

  get length(): number {
    return this.#layers[0]?.length ?? 0;
  }

  layer(index: number): LayerCache {
    return (this.#layers[index] ??= new SlidingLayer(this.window));
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

class SlidingLayer implements LayerCache {
  readonly window: number;
  length = 0;
  #held: readonly [k: Tensor4D, v: Tensor4D] | undefined; // each [batch, kvHeads, up to window - 1, headDim]

  constructor(window: number) {
    this.window = window;
  }

  append(k: Tensor4D, v: Tensor4D): readonly [k: Tensor4D, v: Tensor4D] {
    const held = this.#held;
    const all: readonly [Tensor4D, Tensor4D] = held
      ? [concat([held[0], k], 2), concat([held[1], v], 2)]
      : [k.clone(), v.clone()];
    this.length += k.shape[2];
    const kept = Math.min(this.window - 1, all[0].shape[2]);
    this.#replace(kept === 0 ? undefined : [lastTokens(all[0], kept), lastTokens(all[1], kept)]);
    return all;
  }

  crop(length: number): void {
    const held = this.#held;
    if (length >= this.length) return;
    const heldLength = held?.[0].shape[2] ?? 0;
    const isWhole = heldLength === this.length; // nothing was dropped yet
    if (!held || !isWhole || length === 0) {
      this.#replace(undefined);
      this.length = 0;
      return;
    }
    this.#replace([firstTokens(held[0], length), firstTokens(held[1], length)]);
    this.length = length;
  }

  selectRows(rows: readonly number[]): void {
    const held = this.#held;
    if (!held) return;
    checkRows(rows, held[0].shape[0]);
    this.#replace([gather(held[0], [...rows]), gather(held[1], [...rows])]);
  }

  #replace(next: readonly [Tensor4D, Tensor4D] | undefined): void {
    for (const tensor of this.#held ?? []) tensor.dispose();
    this.#held = next;
    for (const tensor of next ?? []) keep(tensor); // longer than the scope of the call that made it
  }
}

function lastTokens(x: Tensor4D, length: number): Tensor4D {
  return slice(x, [0, 0, x.shape[2] - length, 0], [-1, -1, length, -1]);
}
