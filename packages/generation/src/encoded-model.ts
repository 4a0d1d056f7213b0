import { EncoderDecoderCache } from '@formers/attention';
import { dispose, gather, keep, type Tensor2D, tensor2d, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import { GenerationError } from './errors.ts';
import type { CausalLanguageModel, DecoderCallOptions, EncoderDecoderLanguageModel } from './model.ts';

/** What the encoder made of some prompts, for some rows of a decoder. */
interface Encoded {
  /** [rows, seq, dim] */
  readonly encoded: Tensor3D;
  /** int32 [rows, seq]; undefined when nothing is padding. */
  readonly attentionMask: Tensor2D | undefined;
}

/** An encoder-decoder whose encoder has read the prompts: what is left of it writes like any decoder. */
export class EncodedModel implements CausalLanguageModel, Disposable {
  readonly config: CausalLanguageModel['config'];
  readonly #model: EncoderDecoderLanguageModel;
  readonly #prompts: readonly (readonly number[])[];
  #all: Encoded | undefined;
  #chosen: (Encoded & { readonly sources: string }) | undefined;

  /** @param prompts What the encoder reads, at the first call. */
  constructor(model: EncoderDecoderLanguageModel, prompts: readonly (readonly number[])[]) {
    this.config = model.config;
    this.#model = model;
    this.#prompts = prompts;
  }

  /** Says which prompt each row of the next calls belongs to. */
  select(sources: readonly number[]): void {
    const key = sources.join();
    if (this.#chosen?.sources === key) return;
    const { encoded, attentionMask } = (this.#all ??= this.#encode());
    dispose({ ...this.#chosen });
    this.#chosen = {
      sources: key,
      encoded: keep(gather(encoded, [...sources])),
      attentionMask: attentionMask && keep(gather(attentionMask, [...sources])),
    };
  }

  call(ids: Tensor2D, { attentionMask: decoderAttentionMask, cache, lastOnly }: DecoderCallOptions = {}): Tensor3D {
    if (!this.#chosen) throw new GenerationError('EncodedModel: select must come before call');
    if (cache && !(cache instanceof EncoderDecoderCache))
      throw new GenerationError('generate: the cache of an encoder-decoder must hold an EncoderDecoderCache');
    const { encoded, attentionMask } = this.#chosen;
    return this.#model.decode(ids, {
      encoded,
      ...(attentionMask && { attentionMask }),
      ...(decoderAttentionMask && { decoderAttentionMask }),
      ...(cache && { cache }),
      ...(lastOnly && { lastOnly }),
    });
  }

  [Symbol.dispose](): void {
    dispose({ ...this.#all });
    dispose({ ...this.#chosen });
    this.#all = this.#chosen = undefined;
  }

  #encode(): Encoded {
    const width = Math.max(...this.#prompts.map(({ length }) => length));
    const isPadded = this.#prompts.some(({ length }) => length < width);
    const columns = Array.from({ length: width }, (_, i) => i);
    const table = (cell: (row: readonly number[], column: number) => number): Tensor2D =>
      tensor2d(
        this.#prompts.map((row) => columns.map((column) => cell(row, column))),
        undefined,
        'int32',
      ); // [prompts, seq]
    return tidy(() => {
      const ids = table((row, column) => row[column] ?? 0);
      const mask = isPadded ? table((row, column) => (column < row.length ? 1 : 0)) : undefined;
      const encoded = this.#model.encode(ids, mask && { attentionMask: mask });
      return { encoded: keep(encoded), attentionMask: mask && keep(mask) };
    });
  }
}
