import { RandomStream } from '@formers/backend';

import { encodeAll, type Encode, type ItemSource, type Place } from '../batches/encoded-rows.ts';
import type { RowCursor } from '../batches/row-cursor.ts';
import { DataError } from '../errors.ts';
import type { Packer } from './packer.ts';

/** How rows are packed. */
export interface PackedRowsOptions<Example, Item> {
  readonly encode: Encode<Example>;
  readonly packer: Packer<Example, Item>;
  /** How many rows are packed together. */
  readonly packBuffer: number;
  readonly seed: number;
  readonly shuffle: boolean;
}

/** Rows of one block, packed. */
interface Block<Item> {
  readonly block: number;
  /** Number of its first item. */
  readonly first: number;
  readonly items: readonly Item[];
}

/**
 * Items that are packed of blocks of `packBuffer` rows. How many a block gives is known when it was packed, so a later item needs all blocks before it,
 * unless a {@link Place} tells where to begin.
 */
export class PackedRows<Example, Item> implements ItemSource<Item> {
  readonly #cursor: RowCursor;
  readonly #options: PackedRowsOptions<Example, Item>;
  /** Blocks whose first item is known, in rising order. */
  readonly #known: { block: number; first: number }[] = [{ block: 0, first: 0 }];
  #last: Block<Item> | undefined;

  constructor(cursor: RowCursor, options: PackedRowsOptions<Example, Item>) {
    this.#cursor = cursor;
    this.#options = options;
  }

  async take(first: number, count: number): Promise<Item[]> {
    const items: Item[] = [];
    let { block, first: start } = this.#before(first);
    while (items.length < count) {
      const found = await this.#block(block, start);
      items.push(...found.items.slice(Math.max(0, first - start), first + count - start));
      start += found.items.length;
      block++;
      this.#learn({ block, first: start });
    }
    return items;
  }

  placeOf(item: number): Place {
    const { block, first } = this.#before(item);
    return { block, firstItem: first };
  }

  goTo({ block, firstItem: first }: Place): void {
    const isCount = (value: number | undefined): value is number =>
      Number.isSafeInteger(value) && (value as number) >= 0;
    if (!isCount(block) || !isCount(first))
      throw new DataError('state', `StreamBatches: the state has no block and firstItem, got ${block} and ${first}`);
    this.#learn({ block, first });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#last = undefined;
    await this.#cursor[Symbol.asyncDispose]();
  }

  /** The last block that begins at an item or before it. */
  #before(item: number): { block: number; first: number } {
    return this.#known.findLast(({ first }) => first <= item) as { block: number; first: number };
  }

  #learn(place: { block: number; first: number }): void {
    if (this.#known.some(({ block }) => block === place.block)) return;
    this.#known.push(place);
    this.#known.sort((a, b) => a.block - b.block);
  }

  async #block(block: number, first: number): Promise<Block<Item>> {
    if (this.#last?.block === block) return this.#last;
    const { encode, packer, packBuffer, seed, shuffle } = this.#options;
    const rows = await this.#cursor.take(block * packBuffer, packBuffer);
    const packed = packer.pack(await encodeAll(rows, encode));
    const order = Uint32Array.from(packed.keys());
    if (shuffle) new RandomStream(seed, `shuffle.packed.${block}`).shuffle(order);
    this.#last = { block, first, items: Array.from(order, (i) => packed[i] as Item) };
    return this.#last;
  }
}
