import { EncoderDecoderCache } from '@formers/attention';
import { slice, type Tensor3D, tensor2d, tidy } from '@tensorflow/tfjs-core';

import { EncodedModel } from './encoded-model.ts';
import type { CausalLanguageModel, DecoderCallOptions } from './model.ts';
import { PADDING, TokenCache } from './token-cache.ts';

/** A row of tokens that a decoder runs on, some of them padding on the left. */
export interface DecoderRow {
  readonly ids: readonly number[];
  /** How many of `ids`, from the start, are padding. */
  readonly padding: number;
  /** Which of the encoder's prompts it belongs to; default 0. */
  readonly source?: number;
}

/** Runs a model on rows of tokens and gives the logits of what comes next; computes only what its cache doesn't hold. */
export class Decoder implements Disposable {
  readonly #model: CausalLanguageModel | EncodedModel;
  readonly #cache: TokenCache | undefined;
  readonly #ownsCache: boolean;
  readonly #drop: number;

  /** @param options.drop How many tokens of a row go at once when it outgrows the context. */
  constructor(
    model: CausalLanguageModel | EncodedModel,
    { cache, useCache, drop }: { cache: TokenCache | undefined; useCache: boolean; drop: number },
  ) {
    this.#model = model;
    this.#drop = drop;
    this.#ownsCache = cache === undefined && useCache;
    this.#cache =
      cache ?? (useCache ? new TokenCache(isEncoded(model) ? new EncoderDecoderCache() : undefined) : undefined);
  }

  /** The most tokens that the model can look at. */
  get contextLength(): number {
    return this.#model.config.contextLength;
  }

  /** The logits of the token after each row. Rows of different lengths are padded on the left; of long ones the model sees the end. */
  async nextLogits(rows: readonly DecoderRow[]): Promise<Float64Array[]> {
    const { vocabSize, contextLength } = this.#model.config;
    const window = alignRows(rows, { contextLength, drop: this.#drop });
    if (isEncoded(this.#model)) this.#model.select(rows.map(({ source = 0 }) => source));
    const logits = this.#run(window); // [rows, 1, vocab]
    try {
      const values = await logits.data();
      return rows.map((_, row) => Float64Array.from(values.subarray(row * vocabSize, (row + 1) * vocabSize)));
    } finally {
      logits.dispose();
    }
  }

  /** The logits of what follows each of the last `count` tokens of a row, in order; the row has to fit the context. */
  async lastLogits(row: DecoderRow, count: number): Promise<Float64Array[]> {
    const { vocabSize } = this.#model.config;
    if (isEncoded(this.#model)) this.#model.select([row.source ?? 0]);
    const logits = this.#run([row.ids.slice(row.padding)], count); // [1, count, vocab]
    try {
      const values = await logits.data();
      return Array.from({ length: count }, (_, i) =>
        Float64Array.from(values.subarray(i * vocabSize, (i + 1) * vocabSize)),
      );
    } finally {
      logits.dispose();
    }
  }

  /** Says that row i goes on from what is row `parents[i]` now. */
  selectRows(parents: readonly number[]): void {
    this.#cache?.selectRows(parents);
  }

  [Symbol.dispose](): void {
    if (this.#ownsCache) this.#cache?.dispose();
    if (isEncoded(this.#model)) this.#model[Symbol.dispose]();
  }

  #run(window: readonly (readonly number[])[], count = 1): Tensor3D {
    const cache = this.#cache;
    const start = cache?.keepStartOf(window, count) ?? 0;
    try {
      const logits = tidy(() => {
        const ids = window.map((row) => row.slice(start).map((id) => (id === PADDING ? 0 : id)));
        const options: DecoderCallOptions = { lastOnly: count === 1, ...(cache && { cache: cache.keysAndValues }) };
        const all = this.#model.call(tensor2d(ids, undefined, 'int32'), { ...options, ...paddingOf(window, start) }); // [rows, 1 or seq, vocab]
        const [batch, seq, vocab] = all.shape;
        return seq === count ? all : slice(all, [0, seq - count, 0], [batch, count, vocab]); // [rows, count, vocab]
      });
      cache?.hold(window);
      return logits;
    } catch (error) {
      cache?.clear(); // some layers may hold the new tokens, others not
      throw error;
    }
  }
}

function isEncoded(model: CausalLanguageModel): model is EncodedModel {
  return model instanceof EncodedModel;
}

/** Rows of one length with {@link PADDING} on the left. A row that is longer than the context has lost a multiple of `drop` tokens. */
function alignRows(
  rows: readonly DecoderRow[],
  { contextLength, drop }: { contextLength: number; drop: number },
): number[][] {
  const visible = rows.map(({ ids, padding }) => {
    const excess = Math.max(0, ids.length - padding - contextLength);
    return ids.slice(padding + (excess === 0 ? 0 : Math.ceil(excess / drop) * drop));
  });
  const width = Math.max(...visible.map(({ length }) => length));
  return visible.map((ids) => [...new Array<number>(width - ids.length).fill(PADDING), ...ids]);
}

/** The mask of all columns, and the positions of those from `start` on, where a row has padding. */
function paddingOf(
  window: readonly (readonly number[])[],
  start: number,
): Pick<DecoderCallOptions, 'attentionMask' | 'positionIds'> {
  const paddings = window.map((row) => row.findLastIndex((id) => id === PADDING) + 1);
  if (paddings.every((padding) => padding === 0)) return {};
  const mask = window.map((row) => row.map((id) => (id === PADDING ? 0 : 1)));
  const positions = window.map((row, i) =>
    row.slice(start).map((_, column) => Math.max(0, start + column - (paddings[i] as number))),
  );
  return {
    attentionMask: tensor2d(mask, undefined, 'int32'), // [rows, keys]
    positionIds: tensor2d(positions, undefined, 'int32'), // [rows, seq]
  };
}
