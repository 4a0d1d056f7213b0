import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import sharp from 'sharp';
import { afterAll, describe, expect, it, vi } from 'vitest';

import {
  decodeImage,
  ImageError,
  type ImageErrorCode,
  loadImage,
  MAX_BYTES,
  readImageHeader,
  toRgb,
} from '../src/index.ts';
import { gifHeader, jpegHeader, png, webpHeader } from './support/files.ts';
import { picture } from './support/picture.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'formers-images-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { data, width, height } = picture([24, 16, 3]);
const colours = sharp(data, { raw: { width, height, channels: 3 } });
const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const [pngFile, jpegFile, progressive, gifFile, webpFile] = await Promise.all([
  colours.clone().png().toBuffer(),
  colours.clone().jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
  colours.clone().jpeg({ progressive: true }).toBuffer(),
  colours.clone().gif().toBuffer(),
  colours.clone().webp({ lossless: true }).toBuffer(),
]);
const half = (file: Uint8Array): Uint8Array => file.subarray(0, file.length >> 1);
const changed = (file: Uint8Array, at: number, byte: number): Uint8Array =>
  Uint8Array.from(file).fill(byte, at, at + 1);

const bad: [name: string, file: Uint8Array, code: ImageErrorCode, message: string][] = [
  ['nothing', new Uint8Array(), 'truncated', 'got 0 bytes'],
  ['a text file', text('dear reader'), 'unsupported', 'got text'],
  ['a web page', text('<!doctype html><p>404'), 'unsupported', 'got text'],
  ['an SVG', text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'), 'unsupported', 'got SVG'],
  ['a TIFF', text('II*\0\b\0\0\0'), 'unsupported', 'got TIFF'],
  ['a PDF', text('%PDF-1.7'), 'unsupported', 'got PDF'],
  ['an AVIF', text('\0\0\0 ftypavif'), 'unsupported', 'got AVIF'],
  ['an icon', text('\0\0\x01\0\x01\0'), 'unsupported', 'got an icon'],
  ['random bytes', Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8), 'unknown-format', 'begins with 00 01 02 03'],
  [
    'a BMP',
    Uint8Array.from([...text('BM'), ...new Array(12).fill(0), 40, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]),
    'unsupported',
    'browsers only',
  ],
  ['a PNG of 14,000 x 14,000', png({ width: 14_000, height: 14_000 }), 'too-large', '14000 x 14000 = 196000000'],
  ['a PNG of 2^32 - 1', png({ width: 2 ** 32 - 1, height: 2 ** 32 - 1 }), 'too-large', '4294967295 x 4294967295'],
  ['a narrow PNG over the limit', png({ width: 1, height: 50_000_001 }), 'too-large', '1 x 50000001'],
  ['a JPEG of 65,535 x 65,535', jpegHeader({ width: 65_535, height: 65_535 }), 'too-large', '65535 x 65535'],
  ['a GIF of 65,535 x 65,535', gifHeader({ width: 65_535, height: 65_535 }), 'too-large', '65535 x 65535'],
  ['a WebP of 16,384 x 16,384', webpHeader({ width: 16_384, height: 16_384 }), 'too-large', '16384 x 16384'],
  ['a PNG of 0 x 5', png({ width: 0, height: 5 }), 'corrupt', 'got 0 x 5'],
  ['a PNG of 5 x 0', png({ width: 5, height: 0 }), 'corrupt', 'got 5 x 0'],
  ['a JPEG of 0 x 8', jpegHeader({ width: 0, height: 8 }), 'corrupt', 'got 0 x 8'],
  ['a JPEG of 8 x 0', jpegHeader({ width: 8, height: 0 }), 'corrupt', 'got 8 x 0'],
  ['a GIF of 0 x 0', gifHeader({ width: 0, height: 0 }), 'corrupt', 'got 0 x 0'],
  ['a PNG cut in its header', pngFile.subarray(0, 20), 'truncated', 'ends after 20 bytes'],
  ['a PNG cut in its pixels', half(pngFile), 'truncated', 'before its chunk IEND'],
  ['a PNG with fewer rows than it claims', png({ width: 1, height: 9 }), 'corrupt', "can't be decoded"],
  ['a PNG without IHDR', changed(pngFile, 12, 65), 'corrupt', 'must begin with a chunk IHDR'],
  ['a PNG with a broken checksum', changed(pngFile, pngFile.length - 14, 0), 'corrupt', "can't be decoded"],
  ['a JPEG cut after its first bytes', jpegFile.subarray(0, 4), 'truncated', 'before its size is told'],
  ['a JPEG cut in its pixels', half(jpegFile), 'truncated', "can't be decoded"],
  ['a progressive JPEG cut in its pixels', half(progressive), 'truncated', "can't be decoded"],
  ['a JPEG with nothing but a header', jpegHeader({ width: 8, height: 8 }), 'corrupt', "can't be decoded"],
  ['a JPEG without frame header', Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2), 'corrupt', 'must have a frame header'],
  [
    'a JPEG with a segment of no length',
    Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0),
    'corrupt',
    '2 bytes or more',
  ],
  ['a JPEG without markers', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 2, 9, 9, 9, 9), 'corrupt', 'marker at byte 6'],
  ['a GIF cut in its header', gifFile.subarray(0, 9), 'truncated', 'ends after 9 bytes'],
  ['a GIF cut in its pixels', half(gifFile), 'truncated', "can't be decoded"],
  ['a WebP cut in its pixels', half(webpFile), 'truncated', `must have ${webpFile.length} bytes`],
  ['a WebP of an unknown kind', changed(webpFile, 15, 90), 'corrupt', 'must begin with VP8'],
];

describe('decodeImage', () => {
  it.each(bad)('refuses %s', async (_, file, code, message) => {
    const error: unknown = await decodeImage(file).catch((error: unknown) => error);
    expect(ImageError.isInstance(error) && error.code).toBe(code);
    expect(String(error)).toContain(message);
    expect(String(error).length).toBeLessThan(400);
  });

  it('refuses without taking memory for what is claimed', async () => {
    const before = process.memoryUsage().rss;
    for (const [, file] of bad.filter(([, , code]) => code === 'too-large'))
      await decodeImage(file).catch(() => undefined);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  it('refuses files that are missing, folders, or more than 64 MiB, before it reads them', async () => {
    const large = path.join(folder, 'large.png');
    writeFileSync(large, '');
    truncateSync(large, MAX_BYTES + 1);
    await expect(decodeImage(path.join(folder, 'no.png'))).rejects.toMatchObject({ code: 'missing-file' });
    await expect(decodeImage(folder)).rejects.toMatchObject({ code: 'unreadable' });
    await expect(decodeImage(large)).rejects.toMatchObject({ code: 'too-large' });
    expect(() => readImageHeader(new Uint8Array(MAX_BYTES + 1))).toThrow('up to 67108864 bytes, got 67108865');
  });

  it('goes by the content, not by the name', async () => {
    const place = path.join(folder, 'really-a-png.jpg');
    writeFileSync(place, pngFile);
    expect(await decodeImage(place)).toMatchObject({ width: 24, height: 16, channels: 3 });
    expect(readImageHeader(pngFile)).toEqual({ format: 'png', width: 24, height: 16 });
  });

  it('names the file that is bad', async () => {
    const place = path.join(folder, 'half.png');
    writeFileSync(place, half(pngFile));
    await expect(decodeImage(place)).rejects.toThrow(`before its chunk IEND (${place})`);
    await expect(loadImage(place)).rejects.toMatchObject({ name: 'ImageError', code: 'truncated' });
  });

  it('says in one line what to install where there is no sharp', async () => {
    vi.resetModules();
    vi.doMock('sharp', () => {
      throw new Error("Cannot find package 'sharp'");
    });
    try {
      const { decodeImage } = await import('../src/index.ts');
      const error: unknown = await decodeImage(pngFile).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: 'missing-decoder', message: expect.stringMatching(/npm install sharp$/) });
    } finally {
      vi.doUnmock('sharp');
      vi.resetModules();
    }
  });

  it('takes bytes, an ArrayBuffer and a Blob', async () => {
    for (const source of [pngFile, Uint8Array.from(pngFile).buffer, new Blob([Uint8Array.from(pngFile)])]) {
      expect([...(await decodeImage(source)).data]).toEqual([...data]);
    }
  });

  it('reads lossless formats exactly, JPEG nearly', async () => {
    expect([...(await decodeImage(webpFile)).data]).toEqual([...data]);
    const smooth = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => Math.floor(i / 48) * 8 + (i % 3) * 40);
    const file = await sharp(smooth, { raw: { width: 16, height: 16, channels: 3 } })
      .jpeg({ quality: 100 })
      .toBuffer();
    const found = await decodeImage(file);
    found.data.forEach((level, i) => expect(Math.abs(level - smooth[i]!)).toBeLessThanOrEqual(6));
  });

  it.each([
    ['grey', { bitDepth: 8, colourType: 0, rows: [Uint8Array.of(7, 200)] }, 1, [7, 200]],
    ['grey of one bit', { bitDepth: 1, colourType: 0, rows: [Uint8Array.of(0b0100_0000)] }, 1, [0, 255]],
    ['grey of four bits', { bitDepth: 4, colourType: 0, rows: [Uint8Array.of(0x2f)] }, 1, [34, 255]],
    [
      'grey of 16 bits',
      { bitDepth: 16, colourType: 0, rows: [Uint8Array.of(0x12, 0xff, 0xab, 0x01)] },
      1,
      [0x12, 0xab],
    ],
    [
      'colours of 16 bits',
      { bitDepth: 16, colourType: 2, rows: [Uint8Array.of(1, 255, 2, 255, 3, 255, 4, 0, 5, 0, 6, 0)] },
      3,
      [1, 2, 3, 4, 5, 6],
    ],
    [
      'grey and alpha',
      { bitDepth: 8, colourType: 4, rows: [Uint8Array.of(7, 0, 9, 255)] },
      4,
      [7, 7, 7, 0, 9, 9, 9, 255],
    ],
    [
      'colours and alpha',
      { bitDepth: 8, colourType: 6, rows: [Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 7)] },
      4,
      [1, 2, 3, 0, 4, 5, 6, 7],
    ],
    [
      'a palette',
      { bitDepth: 8, colourType: 3, rows: [Uint8Array.of(1, 0)], palette: [1, 2, 3, 4, 5, 6] },
      3,
      [4, 5, 6, 1, 2, 3],
    ],
  ])('reads PNG with %s', async (_, parts, channels, levels) => {
    const image = await decodeImage(png({ width: 2, height: 1, ...parts }));
    expect([image.channels, [...image.data]]).toEqual([channels, levels]);
  });

  it('reads CMYK as Pillow does: without a profile', async () => {
    const ink = sharp(
      Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => [250, 120, 20][i % 3]!),
      { raw: { width: 16, height: 16, channels: 3 } },
    );
    const file = await ink.toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    const stored = await sharp(file).pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer();
    const image = await decodeImage(file);
    expect(image.channels).toBe(3);
    const light = 255 - stored[3]!;
    const mixed = [0, 1, 2].map((i) => light - Math.round((stored[i]! * light) / 255));
    expect([...image.data.subarray(0, 3)]).toEqual(mixed);
  });

  it('reads the first frame of an animation', async () => {
    const frames = Uint8Array.from({ length: 4 * 4 * 2 * 3 }, (_, i) => (i < 48 ? 200 : 30));
    const file = await sharp(frames, { raw: { width: 4, height: 8, channels: 3, pageHeight: 4 } })
      .gif()
      .toBuffer();
    const image = toRgb(await decodeImage(file));
    expect([image.width, image.height, image.data[0]]).toEqual([4, 4, 200]);
  });

  /** What orientation k shows of [[1, 2], [3, 4], [5, 6]], by the EXIF specification. */
  const turned: Record<number, number[][]> = {
    1: [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    2: [
      [2, 1],
      [4, 3],
      [6, 5],
    ],
    3: [
      [6, 5],
      [4, 3],
      [2, 1],
    ],
    4: [
      [5, 6],
      [3, 4],
      [1, 2],
    ],
    5: [
      [1, 3, 5],
      [2, 4, 6],
    ],
    6: [
      [5, 3, 1],
      [6, 4, 2],
    ],
    7: [
      [6, 4, 2],
      [5, 3, 1],
    ],
    8: [
      [2, 4, 6],
      [1, 3, 5],
    ],
  };

  it.each(Object.entries(turned))(
    'turns by EXIF orientation %s when asked, and not otherwise',
    async (orientation, rows) => {
      const raw = { width: 2, height: 3, channels: 3 } as const;
      const levels = Uint8Array.from({ length: 18 }, (_, i) => 40 * (Math.floor(i / 3) + 1));
      const file = await sharp(levels, { raw })
        .withMetadata({ orientation: Number(orientation) })
        .png()
        .toBuffer();
      const numbers = ({ data }: { data: ArrayLike<number> }): number[] =>
        Array.from(data)
          .filter((_, i) => i % 3 === 0)
          .map((level) => level / 40);
      const upright = await loadImage(file);
      expect([upright.height, upright.width, numbers(upright)]).toEqual([rows.length, rows[0]!.length, rows.flat()]);
      expect(numbers(await decodeImage(file))).toEqual([1, 2, 3, 4, 5, 6]);
    },
  );
});

const fixtures = new URL('../../../../shared/fixtures/images/files/', import.meta.url);
describe.skipIf(!existsSync(fixtures))(
  'decodeImage on ../shared/fixtures/images (skipped where ../shared is missing)',
  () => {
    it('reads a picture whose orientation is 6', async () => {
      const place = new URL('rotated.jpg', fixtures).pathname;
      expect(await decodeImage(place)).toMatchObject({ width: 52, height: 30 });
      expect(await loadImage(place)).toMatchObject({ width: 30, height: 52, channels: 3 });
    });
  },
);
