import { DataError } from '../errors.ts';
import type { DataFile } from './data-file.ts';
import { Row } from './row.ts';

/**
 * Rows of a parquet file, one row group at a time, by hyparquet.
 *
 * @throws {@link DataError} `format` for a file that is no parquet file or is broken.
 */
export async function* readParquet(file: DataFile): AsyncGenerator<Row, void, undefined> {
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'), // both with the first parquet file
    import('hyparquet-compressors'),
  ]);
  const broken = (cause: unknown): never => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError('format', `${file.name}: cannot be read as parquet: ${reason}`, { cause });
  };
  const metadata = await parquetMetadataAsync(file).catch(broken);
  let first = 0;
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = first + Number(num_rows);
    const read = parquetReadObjects({ file, metadata, compressors, rowStart: first, rowEnd });
    for (const [i, values] of (await read.catch(broken)).entries())
      yield new Row(values, `${file.name}, row ${first + i + 1}`);
    first = rowEnd;
  }
}
