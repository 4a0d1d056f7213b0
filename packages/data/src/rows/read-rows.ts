import { DataError } from '../errors.ts';
import { type FileSource, openFiles } from './data-file.ts';
import type { Row } from './row.ts';
import { type ReadRowsOptions, RowStream } from './row-stream.ts';

/**
 * Reads all rows of JSONL, CSV, TSV, parquet or text files into memory.
 *
 * @param source File names or globs in Node, `File`s in a browser.
 * @throws {@link DataError} that names the file, and the row where there is one.
 *
 * @example
 * const rows = await readRows(['train.csv', 'more/*.jsonl']);
 */
export async function readRows(source: FileSource, options: ReadRowsOptions = {}): Promise<Row[]> {
  const files = await openFiles(source, 'readRows');
  const rows: Row[] = [];
  for await (const row of new RowStream(files, options)) rows.push(row);
  if (rows.length === 0)
    throw new DataError('empty', `readRows: ${files.map(({ name }) => name).join(', ')} has no rows`);
  return rows;
}
