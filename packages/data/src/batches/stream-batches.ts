import { RandomStream } from '@formers/backend';

import { DataError } from '../errors.ts';
import type { Row } from '../rows/row.ts';
import { shuffledIndices } from '../shuffle.ts';
import { type BatchesIdentity, type BatchesState, checkWhole, stepOf } from './batch-options.ts';
import type { BatchesOptions } from './batches.ts';
import { Draws } from './collator.ts';

/** Rows that can be read again from the start; `openRows` gives one. */
export interface RowSource {
  readonly identity: string;
  readonly numFiles: number;
  rows(options: { order: Iterable<number> }): AsyncGenerator<Row, void, undefined>;
}

/** Options of {@link StreamBatches}. */
export interface StreamBatchesOptions<Example, Batch> extends BatchesOptions<Example, Batch> {
  /** What a row is to the objective, such as its tokens. */
  encode: (row: Row) => Example | Promise<Example>;
  /** How many rows are held in memory and shuffled among themselves; files change places too. Default 10,000. */
  shuffleBuffer?: number;
}

/**
 * Batches of rows that are read as they are needed, pass after pass: files in an order of the pass, rows shuffled within blocks of `shuffleBuffer`. Batch `n`
 * depends on the files, the seed and `n` alone. To come to a later batch, rows before it are read again but not encoded. A source of batches for `Trainer`.
 */
export class StreamBatches<Example, Batch extends Disposable> implements AsyncIterable<Batch> {
  readonly steps: number;
  /** What the batches depend on. */
  readonly identity: BatchesIdentity;
  readonly #source: RowSource;
  readonly #options: StreamBatchesOptions<Example, Batch> & { seed: number; shuffle: boolean; shuffleBuffer: number };
  #step = 0;
  #rows: AsyncGenerator<Row, void, undefined> | undefined;
  #place = 0; // how many rows were taken from #rows
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws {@link DataError} `state` for a state of other data or options. */
  constructor(source: RowSource, options: StreamBatchesOptions<Example, Batch>) {
    const { collator, batchSize, steps = Infinity, seed = 0, shuffle = true, shuffleBuffer = 10_000, state } = options;
    checkWhole('StreamBatches: batchSize', batchSize);
    checkWhole('StreamBatches: shuffleBuffer', shuffleBuffer);
    checkWhole('StreamBatches: seed', seed, Number.MIN_SAFE_INTEGER);
    if (steps !== Infinity) checkWhole('StreamBatches: steps', steps);
    this.steps = steps;
    this.#source = source;
    this.#options = { ...options, seed, shuffle, shuffleBuffer };
    this.identity = { seed, shuffle, shuffleBuffer, batchSize, objective: collator.identity, files: source.identity };
    if (state) this.#step = stepOf(state, this.identity);
  }

  /** What the batches depend on, and the step after the last one handed out. */
  get state(): BatchesState {
    return { ...this.identity, step: this.#step };
  }

  /** Batch number `step`, which the caller disposes. Cheap in rising order of steps. */
  at(step: number): Promise<Batch> {
    checkWhole('StreamBatches.at: step', step, 0);
    const made = this.#turn.then(() => this.#make(step)); // one after another: they share the open files
    this.#turn = made.catch(() => this[Symbol.asyncDispose]()); // the next one begins anew
    return made;
  }

  /** Disposes each batch when the next one is asked for, and at the end of the loop: its body only borrows it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    while (this.#step < this.steps) {
      using batch = await this.at(this.#step++);
      yield batch;
    }
  }

  /** Closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows?.return();
    this.#rows = undefined;
    this.#place = 0;
  }

  async #make(step: number): Promise<Batch> {
    const { collator, batchSize, seed, encode } = this.#options;
    const first = step * batchSize;
    if (this.#place > first) await this[Symbol.asyncDispose]();
    this.#rows ??= this.#shuffledRows();
    while (this.#place < first) await this.#nextRow(this.#rows);
    const examples: Example[] = [];
    while (examples.length < batchSize) examples.push(await encode(await this.#nextRow(this.#rows)));
    return collator.collate(examples, new Draws({ seed, step, first }));
  }

  async #nextRow(rows: AsyncGenerator<Row, void, undefined>): Promise<Row> {
    const { value } = await rows.next();
    if (!value) throw new DataError('empty', `StreamBatches: ${this.#source.identity} has no rows`);
    this.#place++;
    return value;
  }

  /** Pass after pass without end; stops only when a pass has no rows. */
  async *#shuffledRows(): AsyncGenerator<Row, void, undefined> {
    const { seed, shuffle, shuffleBuffer } = this.#options;
    const { numFiles } = this.#source;
    for (let epoch = 0; ; epoch++) {
      const order = shuffle
        ? shuffledIndices(numFiles, { seed, epoch })
        : Array.from({ length: numFiles }, (_, i) => i);
      let count = 0;
      let block: Row[] = [];
      for await (const row of this.#source.rows({ order })) {
        count++;
        block.push(row);
        if (shuffle && block.length < shuffleBuffer) continue;
        yield* this.#shuffled(block, `${epoch}.${count}`);
        block = [];
      }
      yield* this.#shuffled(block, `${epoch}.end`);
      if (count === 0) return;
    }
  }

  #shuffled(block: readonly Row[], name: string): readonly Row[] {
    const { seed, shuffle } = this.#options;
    if (!shuffle) return block;
    const order = Uint32Array.from(block.keys());
    return Array.from(new RandomStream(seed, `shuffle.block.${name}`).shuffle(order), (i) => block[i] as Row);
  }
}
