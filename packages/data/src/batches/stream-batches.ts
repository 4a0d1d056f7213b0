import type { Packer } from '../packing/packer.ts';
import { PackedRows } from '../packing/packed-rows.ts';
import { type BatchesIdentity, type BatchesState, checkWhole, stepOf } from './batch-options.ts';
import type { BatchesOptions } from './batches.ts';
import { type Collator, Draws } from './collator.ts';
import { type Encode, EncodedRows, type ItemSource, type Place } from './encoded-rows.ts';
import { RowCursor, type RowSource } from './row-cursor.ts';

/** Options of {@link StreamBatches}. `Item` is what the objective takes: an example, or what a packer makes of some. */
export interface StreamBatchesOptions<Example, Batch, Item = Example> extends BatchesOptions<Item, Batch> {
  /** What a row is to the objective, such as its tokens. */
  encode: Encode<Example>;
  /** How many rows are held in memory and shuffled among themselves; files change places too. Default 10,000. */
  shuffleBuffer?: number;
  /** Makes windows or packs of the examples, such as `windowPacker`; default each row is for itself. */
  packer?: Packer<Example, Item>;
  /** How many rows are packed together; default 1,000. */
  packBuffer?: number;
}

/**
 * Batches of rows that are read as they are needed, pass after pass: files in an order of the pass, rows shuffled within blocks of `shuffleBuffer`. Batch `n`
 * depends on the files, the seed and `n` alone. To come to a later batch, rows before it are read again but not encoded. A source of batches for `Trainer`.
 *
 * With a `packer`, blocks of `packBuffer` rows are packed, and the packs of a block shuffled. To come to a later batch all rows before it are encoded, unless
 * a state or {@link goTo} says where it is.
 *
 * @example
 * const data = new StreamBatches(await openRows('corpus/*.jsonl'), {
 *   encode: (row) => tokenizer.encode(row.text('text')),
 *   packer: windowPacker({ seqLen: 512, separatorId: tokenizer.eosTokenId }),
 *   collator: causalLanguageModel({ tokenizer }),
 *   batchSize: 8,
 * });
 */
export class StreamBatches<Example, Batch extends Disposable, Item = Example> implements AsyncIterable<Batch> {
  readonly steps: number;
  /** What the batches depend on. */
  readonly identity: BatchesIdentity;
  readonly #items: ItemSource<Item>;
  readonly #options: { collator: Collator<Item, Batch>; batchSize: number; seed: number };
  #step = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws {@link DataError} `state` for a state of other data or options. */
  constructor(source: RowSource, options: StreamBatchesOptions<Example, Batch, Item>) {
    const { collator, batchSize, steps = Infinity, seed = 0, shuffle = true, state } = options;
    const { encode, shuffleBuffer = 10_000, packer, packBuffer = 1000 } = options;
    for (const [name, value] of Object.entries({ batchSize, shuffleBuffer, packBuffer }))
      checkWhole(`StreamBatches: ${name}`, value);
    checkWhole('StreamBatches: seed', seed, Number.MIN_SAFE_INTEGER);
    if (steps !== Infinity) checkWhole('StreamBatches: steps', steps);
    this.steps = steps;
    this.#options = { collator, batchSize, seed };
    const cursor = new RowCursor(source, { seed, shuffle, shuffleBuffer });
    this.#items = packer
      ? new PackedRows(cursor, { encode, packer, packBuffer, seed, shuffle })
      : (new EncodedRows(cursor, encode) as unknown as ItemSource<Item>); // without a packer, items are examples
    this.identity = {
      ...{ seed, shuffle, shuffleBuffer, batchSize, objective: collator.identity, files: source.identity },
      ...(packer && { packer: packer.identity, packBuffer }),
    };
    if (!state) return;
    this.#step = stepOf(state, this.identity);
    if (packer) this.goTo({ block: Number(state['block']), firstItem: Number(state['firstItem']) });
  }

  /** What the batches depend on, the step after the last one handed out, and with a packer where its items are. */
  get state(): BatchesState {
    return { ...this.identity, ...this.placeOf(this.#step), step: this.#step };
  }

  /** What makes it quick to go on from a batch that was made, or the one after it, in another process; see {@link goTo}. */
  placeOf(step: number): Place {
    return this.#items.placeOf(step * this.#options.batchSize);
  }

  /** Learns what {@link placeOf} told of the same batches; changes none of them. */
  goTo(place: Place): void {
    this.#items.goTo(place);
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
    await this.#items[Symbol.asyncDispose]();
  }

  async #make(step: number): Promise<Batch> {
    const { collator, batchSize, seed } = this.#options;
    const first = step * batchSize;
    return collator.collate(await this.#items.take(first, batchSize), new Draws({ seed, step, first }));
  }
}
