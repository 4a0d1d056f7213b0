import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { decompressGzip, decompressLz4, decompressLz4Raw, decompressZstd } from 'hyparquet-compressors';

import { DataError } from '../errors.ts';
import type { DataFile } from './data-file.ts';
import { Row } from './row.ts';

/** Snappy is in hyparquet; Brotli, whose dictionary alone is larger than all of this, is left out. */
const compressors = {
  GZIP: decompressGzip,
  ZSTD: (input: Uint8Array): Uint8Array => decompressZstd(input),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

/**
 * Rows of a parquet file, one row group at a time, by hyparquet.
 *
 * @throws {@link DataError} `format` for a file that is no parquet file or is broken.
 */
export async function* readParquet(file: DataFile): AsyncGenerator<Row, void, undefined> {
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
