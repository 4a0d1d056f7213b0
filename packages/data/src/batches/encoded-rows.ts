import type { Row } from '../rows/row.ts';
import type { RowCursor } from './row-cursor.ts';

/** What a row is to an objective, such as its tokens. */
export type Encode<Example> = (row: Row) => Example | Promise<Example>;

/** What makes it quick to go on from some item, without what comes before it being made again; plain JSON. */
export type Place = Readonly<Record<string, number>>;

/** What batches of a stream are made of, by number without end. */
export interface ItemSource<Item> extends AsyncDisposable {
  take(first: number, count: number): Promise<Item[]>;
  /** Where an item that was taken, or one before it, is found quickly. */
  placeOf(item: number): Place;
  /** Learns a place that was told in an earlier life. */
  goTo(place: Place): void;
}

/** An item for each row: those before it need not be encoded, and no place is worth telling. */
export class EncodedRows<Example> implements ItemSource<Example> {
  readonly #cursor: RowCursor;
  readonly #encode: Encode<Example>;

  constructor(cursor: RowCursor, encode: Encode<Example>) {
    this.#cursor = cursor;
    this.#encode = encode;
  }

  async take(first: number, count: number): Promise<Example[]> {
    return encodeAll(await this.#cursor.take(first, count), this.#encode);
  }

  placeOf(): Place {
    return {};
  }

  goTo(): void {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cursor[Symbol.asyncDispose]();
  }
}

/** Encodes one row after another. */
export async function encodeAll<Example>(rows: readonly Row[], encode: Encode<Example>): Promise<Example[]> {
  const examples: Example[] = [];
  for (const row of rows) examples.push(await encode(row));
  return examples;
}
