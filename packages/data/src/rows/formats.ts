import { ConfigError } from '@formers/backend';

import { DataError } from '../errors.ts';
import type { DataFile } from './data-file.ts';
import { readLines } from './lines.ts';
import { Row } from './row.ts';

/** Kinds of files with rows. `text`: a row per line that is not empty, in the column `text`. */
export type RowFormat = 'jsonl' | 'csv' | 'tsv' | 'parquet' | 'text';

/** Reads the rows of one file. */
export type RowReader = (file: DataFile) => AsyncIterable<Row>;

/** The reader for a file, by its extension unless a format is given. */
export function readerOf(file: DataFile, format: RowFormat | undefined): RowReader {
  const extension = /\.([^.]*)$/.exec(file.name)?.[1]?.toLowerCase() ?? '';
  switch (format ?? EXTENSIONS.get(extension)) {
    case 'jsonl':
      return readJsonLines;
    case 'text':
      return readTextLines;
    case 'csv':
      return (given) => readDelimited(given);
    case 'tsv':
      return (given) => readDelimited(given, '\t');
    case 'parquet':
      return readParquet;
    default:
      throw new ConfigError(
        `readRows: ${file.name} must end in .${[...EXTENSIONS.keys()].join(', .')}, or the option format must say what it is`,
      );
  }
}

const EXTENSIONS: ReadonlyMap<string, RowFormat> = new Map([
  ['jsonl', 'jsonl'],
  ['ndjson', 'jsonl'],
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['parquet', 'parquet'],
  ['txt', 'text'],
  ['md', 'text'],
]);

/** The parsers of CSV and parquet are loaded with the first such file. */
async function* readDelimited(file: DataFile, delimiter?: string): AsyncGenerator<Row, void, undefined> {
  const { readCsv } = await import('./csv.ts');
  yield* readCsv(file, delimiter);
}

async function* readParquet(file: DataFile): AsyncGenerator<Row, void, undefined> {
  const parquet = await import('./parquet.ts');
  yield* parquet.readParquet(file);
}

async function* readJsonLines(file: DataFile): AsyncGenerator<Row, void, undefined> {
  for await (const { line, where } of filledLines(file)) {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new DataError('format', `${where}: not valid JSON: ${cause instanceof Error ? cause.message : ''}`, {
        cause,
      });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new DataError('format', `${where}: must be a JSON object, got ${line.slice(0, 60)}`);
    yield new Row({ ...value }, where);
  }
}

async function* readTextLines(file: DataFile): AsyncGenerator<Row, void, undefined> {
  for await (const { line, where } of filledLines(file)) yield new Row({ text: line }, where);
}

async function* filledLines(file: DataFile): AsyncGenerator<{ line: string; where: string }, void, undefined> {
  let number = 0;
  for await (const line of readLines(file)) {
    number++;
    if (line.trim() !== '') yield { line, where: `${file.name}, line ${number}` };
  }
}
