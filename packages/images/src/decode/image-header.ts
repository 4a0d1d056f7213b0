import { ImageError } from '../errors.ts';
import { MAX_PIXELS } from '../raw-image.ts';
import { bmpSize, gifSize, type Size, webpSize } from './header-sizes.ts';
import { jpegSize } from './jpeg-size.ts';
import { pngSize } from './png-size.ts';

/** The formats that are read. */
export type ImageFormat = 'png' | 'jpeg' | 'gif' | 'webp' | 'bmp';

/** What an image file says of itself. */
export interface ImageHeader extends Size {
  readonly format: ImageFormat;
}

/** The most bytes that an image file may have: 64 MiB. */
export const MAX_BYTES = 67_108_864;

const SIZES: Readonly<Record<ImageFormat, (bytes: Uint8Array) => Size>> = {
  png: pngSize,
  jpeg: jpegSize,
  gif: gifSize,
  webp: webpSize,
  bmp: bmpSize,
};

/**
 * Format and size of an image file, read from its first bytes without decoding it. The name of a file doesn't matter, its content does.
 *
 * @throws {@link ImageError} `unknown-format`, `unsupported` (SVG, TIFF, ...), `truncated`, `corrupt`, or `too-large` over 64 MiB or 50 megapixels.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  checkBytes(bytes.length);
  const format = formatOf(bytes);
  const { width, height } = SIZES[format](bytes);
  if (width < 1 || height < 1) {
    throw new ImageError('corrupt', `decodeImage: a ${format} image must have pixels, got ${width} x ${height}`);
  }
  if (width * height > MAX_PIXELS) {
    throw new ImageError(
      'too-large',
      `decodeImage: an image may have up to ${MAX_PIXELS} pixels, got a ${format} that claims ${width} x ${height} = ${width * height}`,
    );
  }
  return { format, width, height };
}

/** @throws {@link ImageError} `too-large` over {@link MAX_BYTES}. */
export function checkBytes(length: number): void {
  if (length <= MAX_BYTES) return;
  throw new ImageError('too-large', `decodeImage: an image file may have up to ${MAX_BYTES} bytes, got ${length}`);
}

function formatOf(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) throw new ImageError('truncated', 'decodeImage: wanted an image file, got 0 bytes');
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (start.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (/^GIF8[79]a/.test(start)) return 'gif';
  if (/^RIFF[^]{4}WEBP/.test(start)) return 'webp';
  if (/^BM[^]{8}/.test(start)) return 'bmp';

  const wanted = `wanted ${Object.keys(SIZES).join(', ')}`;
  const other = otherFormat(bytes, start);
  if (other !== undefined) throw new ImageError('unsupported', `decodeImage: ${wanted}, got ${other}`);
  const shown = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw new ImageError('unknown-format', `decodeImage: ${wanted}, got a file that begins with ${shown}`);
}

/** Formats that people try, by name. */
function otherFormat(bytes: Uint8Array, start: string): string | undefined {
  if (/^(II\*\0|MM\0\*)/.test(start)) return 'TIFF';
  if (/^[^]{4}ftyp(avi|hei|mif)/.test(start)) return 'AVIF or HEIC';
  if (start.startsWith('%PDF')) return 'PDF';
  if (start.startsWith('\0\0\x01\0')) return 'an icon';
  const text = new TextDecoder().decode(bytes.subarray(0, 1024));
  if (/<svg[\s>]/i.test(text)) return 'SVG, which is a program for a picture and not pixels';
  return /^[\s\x20-\x7e\u00a0-\ufffc]*$/.test(text) ? 'text' : undefined;
}
