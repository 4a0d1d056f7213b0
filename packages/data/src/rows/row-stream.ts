import { type DataFile, type FileSource, openFiles } from './data-file.ts';
import { readerOf, type RowFormat } from './formats.ts';
import type { Row } from './row.ts';

/** Options of {@link openRows} and `readRows`. */
export interface ReadRowsOptions {
  /** Default by each file's extension. */
  format?: RowFormat;
}

/** Rows that are read one by one, as often as wanted, for data that doesn't fit in memory. */
export class RowStream implements AsyncIterable<Row> {
  /** What tells these rows from others: names and sizes of the files. */
  readonly identity: string;
  /** How many files there are. */
  readonly numFiles: number;
  readonly #files: readonly DataFile[];
  readonly #format: RowFormat | undefined;

  constructor(files: readonly DataFile[], { format }: ReadRowsOptions = {}) {
    this.#files = files;
    this.#format = format;
    this.numFiles = files.length;
    this.identity = files.map(({ name, byteLength }) => `${name.split(/[\\/]/).at(-1)} ${byteLength}`).join(', ');
    for (const file of files) readerOf(file, format); // an unknown extension is refused now
  }

  /**
   * The rows of the files in order.
   *
   * @param options.order Numbers of the files; default as they were named.
   */
  async *rows({ order }: { order?: Iterable<number> } = {}): AsyncGenerator<Row, void, undefined> {
    for (const index of order ?? this.#files.keys()) {
      const file = this.#files[index];
      if (file) yield* readerOf(file, this.#format)(file);
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
    return this.rows();
  }
}

/**
 * Opens files as rows to be streamed: JSON lines and text line by line, parquet by row groups, CSV file by file.
 *
 * @example
 * for await (const row of await openRows('reviews/*.jsonl')) console.log(row.text('text'));
 *
 * @throws {@link DataError} `missing-file`, `not-a-file`, `unreadable` or `empty`.
 */
export async function openRows(source: FileSource, options: ReadRowsOptions = {}): Promise<RowStream> {
  return new RowStream(await openFiles(source, 'openRows'), options);
}
