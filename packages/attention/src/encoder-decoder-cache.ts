import { gather, keep, type Tensor4D } from '@tensorflow/tfjs-core';

import { GrowingKVCache, type KVCache, type LayerCache } from './kv-cache.ts';

/** Keys and values that one cross-attention layer made of the encoder's output. */
export interface CrossCache {
  /**
   * @param compute Makes keys and values, each [batch, kvHeads, keys, headDim]; called the first time only.
   * @returns Borrowed from the cache.
   */
  get(compute: () => readonly [k: Tensor4D, v: Tensor4D]): readonly [k: Tensor4D, v: Tensor4D];
}

/** The cache of an encoder-decoder: what its decoder has written, and what each layer made of the encoder's output, computed once. */
export class EncoderDecoderCache implements KVCache {
  readonly #self: KVCache;
  readonly #cross: CrossLayer[] = [];

  /** @param self Of the decoder's own tokens; default a growing one. It is disposed with this. */
  constructor(self: KVCache = new GrowingKVCache()) {
    this.#self = self;
  }

  get length(): number {
    return this.#self.length;
  }

  layer(index: number): LayerCache {
    return this.#self.layer(index);
  }

  /** Of the cross-attention of a layer. */
  cross(index: number): CrossCache {
    return (this.#cross[index] ??= new CrossLayer());
  }

  /** Forgets the decoder's tokens from position `length` on; what was made of the encoder's output stays. */
  crop(length: number): void {
    this.#self.crop(length);
  }

  selectRows(rows: readonly number[]): void {
    this.#self.selectRows(rows);
    for (const layer of this.#cross) layer.selectRows(rows);
  }

  dispose(): void {
    this.#self.dispose();
    for (const layer of this.#cross) layer.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class CrossLayer implements CrossCache {
  #held: readonly [k: Tensor4D, v: Tensor4D] | undefined; // each [batch, kvHeads, keys, headDim]

  get(compute: () => readonly [k: Tensor4D, v: Tensor4D]): readonly [k: Tensor4D, v: Tensor4D] {
    if (!this.#held) {
      const [k, v] = compute();
      this.#held = [keep(k.clone()), keep(v.clone())]; // longer than the scope of the call that made it
    }
    return this.#held;
  }

  selectRows(rows: readonly number[]): void {
    const held = this.#held;
    if (!held) return;
    const select = (x: Tensor4D): Tensor4D => keep(gather(x, [...rows]));
    const next = [select(held[0]), select(held[1])] as const;
    this.dispose();
    this.#held = next;
  }

  dispose(): void {
    for (const tensor of this.#held ?? []) tensor.dispose();
    this.#held = undefined;
  }
}
