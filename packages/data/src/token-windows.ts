import { ConfigError } from '@formers/backend';

import { checkIds } from './check-ids.ts';
import { DataError } from './errors.ts';
import { type SplitOptions, splitPoint } from './split.ts';
import { TokenBatch } from './token-batch.ts';
import { TokenBatches, type TokenBatchesOptions } from './token-batches.ts';

/** Options of {@link TokenWindows}. */
export interface TokenWindowsOptions {
  /** Tokens that a model reads at once; a window has one more, the last target. */
  seqLen: number;
  /** Ids must be below it; default: not checked. */
  vocabSize?: number;
}

/**
 * A long text of token ids, seen through windows of `seqLen + 1` tokens.
 *
 * @example
 * const { train, validation } = new TokenWindows(ids, { seqLen: 64 }).split({ validation: 0.1 });
 * for (const { inputs, targets } of train.batches({ batchSize: 12, steps: 100, seed: 1 })) { ... }
 */
export class TokenWindows {
  readonly seqLen: number;
  readonly #ids: Int32Array;

  /**
   * @param ids An Int32Array is borrowed, not copied.
   * @throws {@link ValueError} for an id that is no id of the vocabulary.
   * @throws {@link DataError} `too-short` for fewer than two tokens: nothing to predict.
   */
  constructor(ids: Int32Array | readonly number[], { seqLen, vocabSize }: TokenWindowsOptions) {
    if (!(Number.isSafeInteger(seqLen) && seqLen > 0))
      throw new ConfigError(`TokenWindows: seqLen must be a whole number from 1, got ${seqLen}`);
    if (ids.length < 2)
      throw new DataError('too-short', `TokenWindows: a text needs at least 2 tokens, got ${ids.length}`);
    checkIds(ids, { where: 'TokenWindows', ...(vocabSize !== undefined && { vocabSize }) });
    this.#ids = ids instanceof Int32Array ? ids : Int32Array.from(ids);
    this.seqLen = seqLen;
  }

  /** Windows over several documents, one after another, each ended by `separator` (such as the id of `<|endoftext|>`). */
  static fromDocuments(
    documents: readonly (Int32Array | readonly number[])[],
    { separator, ...options }: TokenWindowsOptions & { separator: number },
  ): TokenWindows {
    const length = documents.reduce((total, document) => total + document.length + 1, 0);
    const ids = new Int32Array(length).fill(separator);
    let at = 0;
    for (const document of documents) {
      checkIds(document, { where: 'TokenWindows.fromDocuments' }); // before Int32Array wraps what isn't an id
      ids.set(document, at);
      at += document.length + 1;
    }
    return new TokenWindows(ids, options);
  }

  /** Tokens in the text. */
  get numTokens(): number {
    return this.#ids.length;
  }

  /**
   * The first part for training, the last part held out, as in nanoGPT.
   *
   * @throws {@link DataError} when a side is left without anything to predict.
   */
  split({ validation }: SplitOptions): { train: TokenWindows; validation: TokenWindows } {
    const at = splitPoint(this.#ids.length, { validation, where: 'TokenWindows.split', unit: 'tokens' });
    const { seqLen } = this;
    return {
      train: new TokenWindows(this.#ids.subarray(0, at), { seqLen }),
      validation: new TokenWindows(this.#ids.subarray(at), { seqLen }),
    };
  }

  /**
   * Random or shuffled batches for training, int32 [batch, seq] each.
   *
   * @throws {@link DataError} `too-short` when the text has no whole window.
   */
  batches(options: TokenBatchesOptions): TokenBatches {
    return new TokenBatches(this.#ids, { ...options, seqLen: this.seqLen });
  }

  /**
   * The whole text once, in order, for evaluation: every token but the first is a target exactly once. The last batch may have fewer rows; the last
   * window is filled up with id 0 and label -100. Weigh each batch's mean loss with its `tokens` and the mean over the text is exact.
   *
   * Disposes each batch when the next one is asked for, and at the end of the loop.
   */
  *sequential({ batchSize }: { batchSize: number }): Generator<TokenBatch, void, undefined> {
    if (!(Number.isSafeInteger(batchSize) && batchSize > 0))
      throw new ConfigError(`TokenWindows.sequential: batchSize must be a whole number from 1, got ${batchSize}`);
    const numWindows = Math.ceil((this.#ids.length - 1) / this.seqLen);
    for (let first = 0, step = 0; first < numWindows; first += batchSize, step++) {
      const rows = Math.min(batchSize, numWindows - first);
      const offsets = Array.from({ length: rows }, (_, row) => (first + row) * this.seqLen);
      using batch = new TokenBatch(this.#ids, { step, offsets, seqLen: this.seqLen });
      yield batch;
    }
  }
}
