import { DataError } from '../errors.ts';
import { shuffledIndices } from '../shuffle.ts';
import { type BatchesIdentity, type BatchesState, checkWhole, stepOf } from './batch-options.ts';
import { checksum } from './checksum.ts';
import { type Collator, Draws } from './collator.ts';

/** Options of {@link Batches}. */
export interface BatchesOptions<Example, Batch> {
  /** The objective. */
  collator: Collator<Example, Batch>;
  /** Examples per batch. */
  batchSize: number;
  /** Iteration ends before this step; default never. */
  steps?: number;
  /** Of the order and of the objective; default 0. */
  seed?: number;
  /** Another order in each pass; default true. */
  shuffle?: boolean;
  /** Goes on where another iteration stood. */
  state?: BatchesState;
}

/** Options of {@link Batches} alone. */
export interface GroupingOptions<Example> {
  /** With it, examples of similar length share batches, which saves padding: those of 50 batches are sorted, the longest first. */
  lengthOf?: (example: Example) => number;
}

/**
 * Batches of examples without end: each example once per pass, in an order that changes with the pass; a batch may end one pass and begin the next. Batch `n`
 * depends on the seed and `n` alone, its random choices too, so {@link at} makes any of them and a resumed run sees what it would have seen. A source of
 * batches for `Trainer`.
 *
 * @example
 * const collator = maskedLanguageModel({ tokenizer });
 * const data = new Batches(texts.map((text) => tokenizer.encode(text)), { collator, batchSize: 16, seed: 1 });
 * for (const { ids, attentionMask, targets } of data) { ... }
 */
export class Batches<Example, Batch extends Disposable> implements Iterable<Batch>, AsyncIterable<Batch> {
  readonly steps: number;
  /** What the batches depend on. */
  readonly identity: BatchesIdentity;
  readonly #examples: readonly Example[];
  readonly #options: { collator: Collator<Example, Batch>; batchSize: number; seed: number; shuffle: boolean };
  readonly #lengths: readonly number[] | undefined;
  #step = 0;
  #order: { epoch: number; indices: Uint32Array } | undefined;

  /** @throws {@link DataError} `empty` without examples, `state` for a state of other data or options. */
  constructor(examples: readonly Example[], options: BatchesOptions<Example, Batch> & GroupingOptions<Example>) {
    const { collator, batchSize, steps = Infinity, seed = 0, shuffle = true, state, lengthOf } = options;
    checkWhole('Batches: batchSize', batchSize);
    checkWhole('Batches: seed', seed, Number.MIN_SAFE_INTEGER);
    if (steps !== Infinity) checkWhole('Batches: steps', steps);
    if (examples.length === 0) throw new DataError('empty', 'Batches: there are no examples');
    this.steps = steps;
    this.#examples = examples;
    this.#options = { collator, batchSize, seed, shuffle };
    this.#lengths = lengthOf && examples.map((example) => lengthOf(example));
    this.identity = {
      seed,
      shuffle,
      grouped: lengthOf !== undefined,
      batchSize,
      objective: collator.identity,
      numExamples: examples.length,
      checksum: checksum(examples),
    };
    if (state) this.#step = stepOf(state, this.identity);
  }

  /** Batches in one pass, the last one whole. */
  get stepsPerEpoch(): number {
    return Math.ceil(this.#examples.length / this.#options.batchSize);
  }

  /** What the batches depend on, and the step after the last one handed out. */
  get state(): BatchesState {
    return { ...this.identity, step: this.#step };
  }

  /** Batch number `step`, which the caller disposes. */
  at(step: number): Batch {
    checkWhole('Batches.at: step', step, 0);
    const { collator, batchSize, seed } = this.#options;
    const first = step * batchSize;
    const examples = Array.from({ length: batchSize }, (_, row) => this.#exampleAt(first + row));
    return collator.collate(examples, new Draws({ seed, step, first }));
  }

  /** Disposes each batch when the next one is asked for, and at the end of the loop: its body only borrows it. */
  *[Symbol.iterator](): Generator<Batch, void, undefined> {
    while (this.#step < this.steps) {
      using batch = this.at(this.#step++);
      yield batch;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    yield* this[Symbol.iterator]();
  }

  /** Which example comes at a place in the endless row of passes. */
  #exampleAt(place: number): Example {
    const { length } = this.#examples;
    const epoch = Math.floor(place / length);
    if (!this.#options.shuffle) return this.#examples[place % length] as Example;
    if (this.#order?.epoch !== epoch) this.#order = { epoch, indices: this.#shuffled(epoch) };
    return this.#examples[this.#order.indices[place % length] as number] as Example;
  }

  #shuffled(epoch: number): Uint32Array {
    const { batchSize, seed } = this.#options;
    const indices = shuffledIndices(this.#examples.length, { seed, epoch });
    const lengths = this.#lengths;
    if (!lengths) return indices;
    const lengthAt = (index: number): number => lengths[index] ?? 0;
    for (let start = 0; start < indices.length; start += 50 * batchSize) {
      const group = [...indices.subarray(start, start + 50 * batchSize)];
      group.sort((a, b) => lengthAt(b) - lengthAt(a)); // stable: those of one length stay shuffled
      indices.set(group, start);
    }
    return indices;
  }
}

/**
 * All examples once, in order, for evaluation; the last batch may be smaller. Random choices (masked tokens) are the same each time. Each batch is disposed
 * when the next one is asked for.
 */
export function* evaluationBatches<Example, Batch extends Disposable>(
  examples: readonly Example[],
  { collator, batchSize, seed = 0 }: Pick<BatchesOptions<Example, Batch>, 'collator' | 'batchSize' | 'seed'>,
): Generator<Batch, void, undefined> {
  checkWhole('evaluationBatches: batchSize', batchSize);
  if (examples.length === 0) throw new DataError('empty', 'evaluationBatches: there are no examples');
  for (let step = 0; step * batchSize < examples.length; step++) {
    const first = step * batchSize;
    using batch = collator.collate(examples.slice(first, first + batchSize), new Draws({ seed, step, first }));
    yield batch;
  }
}
