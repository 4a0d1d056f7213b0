import { RandomStream } from '@formers/backend';

import { DataError } from '../errors.ts';
import type { Row } from '../rows/row.ts';
import { shuffledIndices } from '../shuffle.ts';

/** Rows that can be read again from the start; `openRows` gives one. */
export interface RowSource {
  readonly identity: string;
  readonly numFiles: number;
  rows(options: { order: Iterable<number> }): AsyncGenerator<Row, void, undefined>;
}

/** How rows follow each other. */
export interface RowOrder {
  readonly seed: number;
  readonly shuffle: boolean;
  /** How many rows are held in memory and shuffled among themselves; files change places too. */
  readonly shuffleBuffer: number;
}

/** The rows of a source pass after pass, by their places in this endless row. Cheap in rising order of places. */
export class RowCursor implements AsyncDisposable {
  readonly #source: RowSource;
  readonly #order: RowOrder;
  #rows: AsyncGenerator<Row, void, undefined> | undefined;
  #place = 0; // how many rows were taken from #rows

  constructor(source: RowSource, order: RowOrder) {
    this.#source = source;
    this.#order = order;
  }

  /**
   * `count` rows from place `first` on.
   *
   * @throws {@link DataError} `empty` for a source without rows.
   */
  async take(first: number, count: number): Promise<Row[]> {
    if (this.#place > first) await this[Symbol.asyncDispose]();
    this.#rows ??= this.#endless();
    while (this.#place < first) await this.#next(this.#rows);
    const rows: Row[] = [];
    while (rows.length < count) rows.push(await this.#next(this.#rows));
    return rows;
  }

  async #next(rows: AsyncGenerator<Row, void, undefined>): Promise<Row> {
    const { value } = await rows.next();
    if (!value) throw new DataError('empty', `${this.#source.identity} has no rows`);
    this.#place++;
    return value;
  }

  /** Closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows?.return();
    this.#rows = undefined;
    this.#place = 0;
  }

  /** Pass after pass without end; stops only when a pass has no rows. */
  async *#endless(): AsyncGenerator<Row, void, undefined> {
    const { seed, shuffle, shuffleBuffer } = this.#order;
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
    const { seed, shuffle } = this.#order;
    if (!shuffle) return block;
    const order = Uint32Array.from(block.keys());
    return Array.from(new RandomStream(seed, `shuffle.block.${name}`).shuffle(order), (i) => block[i] as Row);
  }
}
