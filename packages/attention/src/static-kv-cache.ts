import { ShapeError, ValueError, writeTokens } from '@formers/backend';
import { gather, type Tensor4D, tidy, type Variable, variable, zeros } from '@tensorflow/tfjs-core';

import { checkRows, type KVCache, type LayerCache } from './kv-cache.ts';

/**
 * A cache with room for a fixed number of tokens, taken at once: memory is known beforehand, and a new token costs no copy of the earlier ones on engines that write in
 * place.
 */
export class StaticKVCache implements KVCache {
  readonly maxLength: number;
  readonly #layers: StaticLayer[] = [];

  /** @param options.maxLength The most tokens. */
  constructor({ maxLength }: { maxLength: number }) {
    if (!Number.isInteger(maxLength) || maxLength < 1)
      throw new ValueError(`StaticKVCache: maxLength must be a whole number of at least 1, got ${maxLength}`);
    this.maxLength = maxLength;
  }

  get length(): number {
    return this.#layers[0]?.length ?? 0;
  }

  layer(index: number): LayerCache {
    return (this.#layers[index] ??= new StaticLayer(this.maxLength));
  }

  crop(length: number): void {
    for (const layer of this.#layers) layer.crop(length);
  }

  selectRows(rows: readonly number[]): void {
    for (const layer of this.#layers) layer.selectRows(rows);
  }

  dispose(): void {
    for (const layer of this.#layers) layer.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

class StaticLayer implements LayerCache {
  length = 0;
  readonly #maxLength: number;
  #buffers: readonly [k: Variable, v: Variable] | undefined; // each [batch, kvHeads, maxLength, headDim]

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get room(): number {
    return this.#maxLength - this.length;
  }

  append(k: Tensor4D, v: Tensor4D): readonly [k: Tensor4D, v: Tensor4D] {
    const [batch, , tokens] = k.shape;
    if (tokens > this.room)
      throw new ShapeError(
        `StaticKVCache: it has room for ${this.#maxLength} tokens, got ${this.length + tokens}; make it longer or use a GrowingKVCache`,
      );
    if (this.#buffers && this.length === 0 && this.#buffers[0].shape[0] !== batch) this.dispose(); // another batch begins
    const buffers = (this.#buffers ??= [this.#makeBuffer(k), this.#makeBuffer(v)]);
    writeTokens(buffers[0], k, this.length);
    writeTokens(buffers[1], v, this.length);
    this.length += tokens;
    return buffers as readonly [unknown, unknown] as readonly [Tensor4D, Tensor4D];
  }

  crop(length: number): void {
    this.length = Math.min(this.length, length);
  }

  selectRows(rows: readonly number[]): void {
    const before = this.#buffers;
    if (!before) return;
    checkRows(rows, before[0].shape[0] as number);
    const select = (buffer: Variable): Variable => tidy(() => variable(gather(buffer, [...rows]), false));
    this.#buffers = [select(before[0]), select(before[1])];
    for (const buffer of before) buffer.dispose();
  }

  dispose(): void {
    for (const buffer of this.#buffers ?? []) buffer.dispose();
    this.#buffers = undefined;
    this.length = 0;
  }

  #makeBuffer({ shape: [batch, heads, , headDim] }: Tensor4D): Variable {
    return tidy(() => variable(zeros([batch, heads, this.#maxLength, headDim]), false));
  }
}
