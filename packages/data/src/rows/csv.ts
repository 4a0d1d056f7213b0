import papa from 'papaparse';

import { DataError } from '../errors.ts';
import type { DataFile } from './data-file.ts';
import { readText } from './lines.ts';
import { Row } from './row.ts';

/**
 * Rows of a CSV file with a header (RFC 4180: quotes, doubled quotes, line breaks within quotes), by Papa Parse. The file is held in memory.
 *
 * @param delimiter Default the one that the header has most of: a comma, a semicolon, a tab or a bar.
 * @throws {@link DataError} `format` for a row with more or fewer values than columns, an open quote, or two columns of one name.
 */
export async function* readCsv(file: DataFile, delimiter?: string): AsyncGenerator<Row, void, undefined> {
  const text = await readText(file);
  const settings = { delimiter: delimiter ?? delimiterOf(text), skipEmptyLines: 'greedy' } as const;
  const { data, errors } = papa.parse<string[]>(text, settings);
  const [header = [], ...rows] = data;
  const [error] = errors;
  if (error) throw new DataError('format', `${file.name}, row ${error.row ?? 0}: ${error.message}`);
  const twice = header.find((name, i) => header.indexOf(name) < i);
  if (twice !== undefined) throw new DataError('format', `${file.name}: two columns are named "${twice}"`);
  for (const [i, cells] of rows.entries()) {
    const where = `${file.name}, row ${i + 1}`;
    if (cells.length !== header.length)
      throw new DataError('format', `${where}: has ${cells.length} values for ${header.length} columns`);
    yield new Row(Object.fromEntries(header.map((name, column) => [name, cells[column]])), where);
  }
}

/** Values may have all kinds of marks, names of columns hardly do. */
function delimiterOf(text: string): string {
  const header = text.slice(0, text.search(/[\r\n]|$/)).replaceAll(/"[^"]*"/g, '');
  const count = (mark: string): number => header.split(mark).length;
  return [',', ';', '\t', '|'].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}
