import type { ImageFormat } from './image-header.ts';

/**
 * The file without its EXIF data, so that a browser doesn't turn the image: `createImageBitmap` does so whatever one asks for. A file
 * without such data comes back as it is. Only for files that `readImageHeader` accepts.
 */
export function withoutExif(bytes: Uint8Array, format: ImageFormat): Uint8Array {
  switch (format) {
    case 'jpeg':
      return cut(bytes, jpegSegments(bytes));
    case 'png':
      return cut(bytes, pngChunks(bytes));
    case 'webp':
      return renameWebpChunk(bytes);
    case 'gif':
    case 'bmp':
      return bytes; // have none
  }
}

type Range = readonly [begin: number, end: number];

/** The APP1 segments before the pixels. */
function jpegSegments(bytes: Uint8Array): Range[] {
  const ranges: Range[] = [];
  let offset = 2;
  while (offset + 4 <= bytes.length && bytes[offset] === 0xff) {
    const marker = bytes[offset + 1] as number;
    if (marker === 0xda || marker === 0xd9) break;
    const standsAlone = marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    const length = marker === 0xff ? 1 : standsAlone ? 2 : 2 + viewOf(bytes).getUint16(offset + 2);
    if (marker === 0xe1 && nameAt(bytes, offset + 4) === 'Exif') ranges.push([offset, offset + length]);
    offset += length;
  }
  return ranges;
}

function pngChunks(bytes: Uint8Array): Range[] {
  const ranges: Range[] = [];
  for (let offset = 8; offset + 12 <= bytes.length;) {
    const end = offset + viewOf(bytes).getUint32(offset) + 12;
    if (nameAt(bytes, offset + 4) === 'eXIf') ranges.push([offset, end]);
    offset = end;
  }
  return ranges;
}

/** Decoders pass over chunks that they don't know. */
function renameWebpChunk(bytes: Uint8Array): Uint8Array {
  for (let offset = 12; offset + 8 <= bytes.length;) {
    if (nameAt(bytes, offset) === 'EXIF') {
      const copy = Uint8Array.from(bytes);
      copy.fill(0x58, offset, offset + 4);
      return copy;
    }
    const length = viewOf(bytes).getUint32(offset + 4, true);
    offset += 8 + length + (length % 2);
  }
  return bytes;
}

function cut(bytes: Uint8Array, ranges: readonly Range[]): Uint8Array {
  if (ranges.length === 0) return bytes;
  const kept = new Uint8Array(bytes.length - ranges.reduce((sum, [begin, end]) => sum + end - begin, 0));
  let from = 0;
  let to = 0;
  for (const [begin, end] of [...ranges, [bytes.length, bytes.length] as const]) {
    kept.set(bytes.subarray(from, begin), to);
    to += begin - from;
    from = end;
  }
  return kept;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function nameAt(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}
