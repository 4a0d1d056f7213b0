import { ImageError } from '../errors.ts';
import type { Size } from './header-sizes.ts';

/** Markers that begin a frame; DHT, JPG and DAC lie between them. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Markers without a segment: TEM, RST0 to RST7, SOI. */
const standsAlone = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** The size in the first frame header of a JPEG. */
export function jpegSize(bytes: Uint8Array): Size {
  let offset = 2;
  while (offset + 4 <= bytes.length) {
    if (bytes[offset] !== 0xff) {
      throw new ImageError(
        'corrupt',
        `decodeImage: the jpeg must have a marker at byte ${offset}, got ${bytes[offset]}`,
      );
    }
    const marker = bytes[offset + 1] as number;
    if (marker === 0xff) offset += 1;
    else if (standsAlone(marker)) offset += 2;
    else if (marker === 0xd9 || marker === 0xda) {
      throw new ImageError('corrupt', `decodeImage: the jpeg must have a frame header before byte ${offset}`);
    } else if (isFrame(marker)) {
      if (offset + 9 > bytes.length) break;
      return { height: uint16(bytes, offset + 5), width: uint16(bytes, offset + 7) };
    } else {
      const length = uint16(bytes, offset + 2);
      if (length < 2) {
        throw new ImageError('corrupt', `decodeImage: a segment of the jpeg must have 2 bytes or more, got ${length}`);
      }
      offset += 2 + length;
    }
  }
  throw new ImageError(
    'truncated',
    `decodeImage: the jpeg file ends after ${bytes.length} bytes, before its size is told`,
  );
}

function uint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] as number) * 256 + (bytes[offset + 1] as number);
}
