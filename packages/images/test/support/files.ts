import { crc32, deflateSync } from 'node:zlib';

/** What a PNG is made of; see the PNG specification, section 11. */
export interface PngParts {
  width: number;
  height: number;
  bitDepth?: number;
  /** 0 grey, 2 colours, 3 palette, 4 grey and alpha, 6 colours and alpha */
  colourType?: number;
  /** Rows without their filter bytes, in stored form; default zeros for 1 x 1. */
  rows?: Uint8Array[];
  palette?: number[];
}

/** A PNG file with a header of any kind, also an untrue one. */
export function png({
  width,
  height,
  bitDepth = 8,
  colourType = 0,
  rows = [new Uint8Array(1)],
  palette,
}: PngParts): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = bitDepth;
  header[9] = colourType;
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', Uint8Array.from(palette))] : []),
    chunk('IDAT', deflateSync(Buffer.concat(rows.flatMap((row) => [Uint8Array.of(0), row])))),
    chunk('IEND', new Uint8Array()),
  ]);
}

function chunk(name: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(content.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** The beginning of a JPEG that claims a size: start, frame header, end. */
export function jpegHeader({ width, height }: { width: number; height: number }): Uint8Array {
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  return Uint8Array.from([
    0xff,
    0xd8,
    0xff,
    0xc0,
    0,
    17,
    8,
    ...size,
    3,
    1,
    0x22,
    0,
    2,
    0x11,
    1,
    3,
    0x11,
    1,
    0xff,
    0xd9,
  ]);
}

/** The beginning of a GIF that claims a size, and its trailer. */
export function gifHeader({ width, height }: { width: number; height: number }): Uint8Array {
  const size = [width & 255, width >> 8, height & 255, height >> 8];
  return Uint8Array.from([...Buffer.from('GIF89a'), ...size, 0, 0, 0, 0x3b]);
}

/** A WebP whose extended header claims a size. */
export function webpHeader({ width, height }: { width: number; height: number }): Uint8Array {
  const uint24 = (value: number): number[] => [value & 255, (value >> 8) & 255, value >> 16];
  const body = [...Buffer.from('WEBPVP8X'), 10, 0, 0, 0, 0, 0, 0, 0, ...uint24(width - 1), ...uint24(height - 1)];
  return Uint8Array.from([...Buffer.from('RIFF'), body.length, 0, 0, 0, ...body]);
}
