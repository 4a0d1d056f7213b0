import { ImageError } from '../errors.ts';
import { type Size, viewOf } from './header-sizes.ts';

/** The size in a PNG's first chunk, if the file has all its chunks to the last one. */
export function pngSize(bytes: Uint8Array): Size {
  const view = viewOf(bytes, { length: 33, format: 'png' });
  if (view.getUint32(8) !== 13 || nameAt(bytes, 12) !== 'IHDR') {
    throw new ImageError('corrupt', 'decodeImage: a png must begin with a chunk IHDR of 13 bytes');
  }
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  let offset = 8;
  while (offset + 12 <= bytes.length) {
    const name = nameAt(bytes, offset + 4);
    offset += view.getUint32(offset) + 12;
    if (name === 'IEND' && offset <= bytes.length) return size;
  }
  throw new ImageError(
    'truncated',
    `decodeImage: the png file ends after ${bytes.length} bytes, before its chunk IEND`,
  );
}

function nameAt(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}
