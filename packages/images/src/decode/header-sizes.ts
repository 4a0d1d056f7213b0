import { ImageError } from '../errors.ts';

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The bytes for reading numbers of several bytes. @throws {@link ImageError} `truncated` where there are fewer than `length`. */
export function viewOf(bytes: Uint8Array, { length, format }: { length: number; format: string }): DataView {
  if (bytes.length >= length) return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new ImageError(
    'truncated',
    `decodeImage: the ${format} file ends after ${bytes.length} bytes, before its size is told`,
  );
}

/** The logical screen of a GIF. */
export function gifSize(bytes: Uint8Array): Size {
  const view = viewOf(bytes, { length: 13, format: 'gif' });
  return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/** The size in the header of a Windows bitmap; a negative height means rows from the top. */
export function bmpSize(bytes: Uint8Array): Size {
  const view = viewOf(bytes, { length: 26, format: 'bmp' });
  if (view.getUint32(14, true) === 12) return { width: view.getUint16(18, true), height: view.getUint16(20, true) };
  return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
}

/** The size in the first chunk of a WebP: lossy, lossless or extended. */
export function webpSize(bytes: Uint8Array): Size {
  const view = viewOf(bytes, { length: 30, format: 'webp' });
  const claimed = view.getUint32(4, true) + 8;
  if (claimed > bytes.length) {
    throw new ImageError('truncated', `decodeImage: the webp file must have ${claimed} bytes, got ${bytes.length}`);
  }
  const chunk = String.fromCharCode(...bytes.subarray(12, 16));
  switch (chunk) {
    case 'VP8 ':
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: uint24(view, 24) + 1, height: uint24(view, 27) + 1 };
    default:
      throw new ImageError(
        'corrupt',
        `decodeImage: a webp must begin with VP8, VP8L or VP8X, got ${JSON.stringify(chunk)}`,
      );
  }
}

function uint24(view: DataView, offset: number): number {
  return view.getUint16(offset, true) + view.getUint8(offset + 2) * 0x10000;
}
