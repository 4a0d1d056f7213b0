import { ConfigError, randomKey, threefry2x32 } from '@formers/backend';

import { DataError } from './errors.ts';
import { shuffledIndices } from './shuffle.ts';
import { TokenBatch } from './token-batch.ts';

/**
 * How windows are chosen. `random`: each starts anywhere, as in nanoGPT. `epoch`: windows lie side by side, and each is used once per pass, in an order
 * that changes with the pass.
 */
export type Sampling = 'random' | 'epoch';

/** Options of `TokenWindows.batches`. */
export interface TokenBatchesOptions {
  /** Windows per batch. */
  batchSize: number;
  /** Iteration ends before this step; default never. */
  steps?: number;
  /** Default 0. */
  seed?: number;
  /** Default `random`. */
  sampling?: Sampling;
  /** Goes on where another iteration stood. */
  state?: TokenBatchesState;
}

/** What batches depend on; plain JSON. */
export interface TokenBatchesIdentity {
  readonly [key: string]: number | string;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly batchSize: number;
  readonly seqLen: number;
  readonly numTokens: number;
  /** Of all ids: another text, or another tokenizer, has another one. */
  readonly checksum: number;
}

/** What batches depend on, and where they stand; plain JSON. */
export interface TokenBatchesState extends TokenBatchesIdentity {
  /** The next step. */
  readonly step: number;
}

/**
 * Batches of windows. Batch `n` depends on the seed and `n` alone: {@link at} makes any of them, and what follows a saved {@link state} is what
 * would have followed without the interruption.
 *
 * Iterating disposes each batch when the next one is asked for, and at the end of the loop: its body only borrows it.
 */
export class TokenBatches implements Iterable<TokenBatch>, AsyncIterable<TokenBatch> {
  readonly steps: number;
  /** What the batches depend on. */
  readonly identity: TokenBatchesIdentity;
  readonly #ids: Int32Array;
  #step = 0;
  #order: { epoch: number; windows: Uint32Array } | undefined;

  /** @throws {@link DataError} `too-short` for fewer than `seqLen + 1` tokens, `state` for a state of other data or options. */
  constructor(
    ids: Int32Array,
    {
      seqLen,
      batchSize,
      steps = Infinity,
      seed = 0,
      sampling = 'random',
      state,
    }: TokenBatchesOptions & { seqLen: number },
  ) {
    checkCount('batchSize', batchSize);
    if (steps !== Infinity) checkCount('steps', steps);
    if (!Number.isSafeInteger(seed)) {
      throw new ConfigError(`TokenWindows.batches: seed must be a whole number, got ${seed}`);
    }
    if (ids.length <= seqLen) {
      throw new DataError(
        'too-short',
        `TokenWindows.batches: a window of seqLen ${seqLen} needs ${seqLen + 1} tokens, the text has ${ids.length}`,
      );
    }
    this.steps = steps;
    this.#ids = ids;
    this.identity = { seed, sampling, batchSize, seqLen, numTokens: ids.length, checksum: checksum(ids) };
    if (state) this.#step = this.#checkState(state);
  }

  /** What the batches depend on, and the step after the last one handed out. */
  get state(): TokenBatchesState {
    return { step: this.#step, ...this.identity };
  }

  /** Batch number `step`, which the caller disposes. */
  at(step: number): TokenBatch {
    const { sampling, batchSize, seqLen } = this.identity;
    const offsets = Array.from({ length: batchSize }, (_, row) =>
      sampling === 'random' ? this.#randomOffset(step, row) : this.#epochOffset(step, row),
    );
    return new TokenBatch(this.#ids, { step, offsets, seqLen });
  }

  *[Symbol.iterator](): Generator<TokenBatch, void, undefined> {
    while (this.#step < this.steps) {
      using batch = this.at(this.#step++);
      yield batch;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TokenBatch, void, undefined> {
    yield* this[Symbol.iterator]();
  }

  /** Uniform over all windows of the text; 53 random bits, so that long texts have no bias. */
  #randomOffset(step: number, row: number): number {
    const { seed, seqLen, numTokens } = this.identity;
    const [high, low] = threefry2x32(randomKey(seed, `batch.${Math.floor(step / 2 ** 32)}`), [step >>> 0, row]);
    return Math.floor(((high * 2 ** 21 + (low >>> 11)) / 2 ** 53) * (numTokens - seqLen));
  }

  #epochOffset(step: number, row: number): number {
    const { seed, seqLen, numTokens, batchSize } = this.identity;
    const numWindows = Math.floor((numTokens - 1) / seqLen);
    const index = step * batchSize + row;
    const epoch = Math.floor(index / numWindows);
    if (this.#order?.epoch !== epoch) this.#order = { epoch, windows: shuffledIndices(numWindows, { seed, epoch }) };
    return (this.#order.windows[index % numWindows] as number) * seqLen;
  }

  #checkState({ step, ...identity }: TokenBatchesState): number {
    const differences = Object.entries(this.identity)
      .filter(([key, value]) => identity[key] !== value)
      .map(([key, value]) => `${key} was ${identity[key]}, is ${value}`);
    if (differences.length > 0) {
      throw new DataError('state', `TokenWindows.batches: the state is of other batches: ${differences.join('; ')}`);
    }
    if (Number.isSafeInteger(step) && step >= 0) return step;
    throw new DataError('state', `TokenWindows.batches: state.step must be a whole number from 0, got ${step}`);
  }
}

/** FNV-1a over the ids, 32 bits. */
function checksum(ids: Int32Array): number {
  let hash = 0x811c9dc5;
  for (const id of ids) hash = Math.imul(hash ^ id, 0x01000193);
  return hash >>> 0;
}

function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new ConfigError(`TokenWindows.batches: ${name} must be a whole number from 1, got ${value}`);
}
