import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import { ConfigError } from '@formers/backend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Channels, ImageError, type RawImage, type Resample, resize, type ResizeBackend } from '../src/index.ts';
import { grey, picture } from './support/picture.ts';

interface Golden {
  from: [number, number, number];
  to: [number, number];
  resample: Resample;
  backend: ResizeBackend;
  crc32: number;
}

const { cases } = JSON.parse(readFileSync(new URL('goldens/resized.json', import.meta.url), 'utf8')) as {
  cases: Golden[];
};
const filters: Resample[] = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'];

describe('resize', () => {
  it.each(cases)(
    '$from to $to, $resample, is what $backend gives',
    ({ from, to: [width, height], resample, backend, crc32: expected }) => {
      const resized = resize(picture(from), { width, height, resample, backend });
      expect([resized.width, resized.height, resized.channels]).toEqual([width, height, from[2]]);
      expect(crc32(resized.data)).toBe(expected);
    },
  );

  it('averages, interpolates and copies', () => {
    const row = grey([0, 10, 100, 201]);
    expect([...resize(row, { width: 2, height: 1, resample: 'box' }).data]).toEqual([5, 151]);
    expect([...resize(grey([0, 100]), { width: 4, height: 1, resample: 'bilinear' }).data]).toEqual([0, 25, 75, 100]);
    expect([...resize(row, { width: 2, height: 1, resample: 'nearest' }).data]).toEqual([10, 201]);
    // Columns and rows aren't exchanged, nor is the order of the rows.
    const square = grey([0, 0, 40, 40], [0, 0, 40, 40], [80, 80, 200, 200], [80, 80, 200, 200]);
    expect([...resize(square, { width: 2, height: 2, resample: 'box' }).data]).toEqual([0, 40, 80, 200]);
  });

  it('weighs colours by alpha with Pillow, and not with torchvision', () => {
    const image: RawImage = { data: Uint8Array.of(200, 255, 90, 0), width: 2, height: 1, channels: 2 };
    const to = { width: 1, height: 1, resample: 'bilinear' } as const;
    expect([...resize(image, to).data]).toEqual([199, 128]); // 100 of 128, cut
    expect([...resize(image, { ...to, backend: 'torchvision' }).data]).toEqual([145, 128]);
  });

  const anyImage = fc
    .record({
      width: fc.integer({ min: 1, max: 24 }),
      height: fc.integer({ min: 1, max: 24 }),
      channels: fc.constantFrom(1, 3),
    })
    .chain(({ width, height, channels }) =>
      fc
        .uint8Array({ minLength: width * height * channels, maxLength: width * height * channels })
        .map((data): RawImage => ({ data, width, height, channels: channels as Channels })),
    );
  const anySize = fc.record({ width: fc.integer({ min: 1, max: 30 }), height: fc.integer({ min: 1, max: 30 }) });

  it('leaves one colour alone, and invents none with filters without overshoot', () => {
    fc.assert(
      fc.property(anyImage, anySize, fc.constantFrom(...filters), fc.nat(255), (image, size, resample, level) => {
        const flat = resize({ ...image, data: image.data.slice().fill(level) }, { ...size, resample });
        expect(flat.data.every((value) => value === level)).toBe(true);
        if (resample === 'bicubic' || resample === 'lanczos') return;
        const { data } = resize(image, { ...size, resample });
        expect(Math.min(...data)).toBeGreaterThanOrEqual(Math.min(...image.data));
        expect(Math.max(...data)).toBeLessThanOrEqual(Math.max(...image.data));
      }),
      { numRuns: 150 },
    );
  });

  it('agrees with torchvision to within two levels, each pass rounding once', () => {
    fc.assert(
      fc.property(anyImage, anySize, (image, size) => {
        const [pil, torch] = (['pil', 'torchvision'] as const).map(
          (backend) => resize(image, { ...size, resample: 'bilinear', backend }).data,
        );
        expect(Math.max(...pil!.map((level, i) => Math.abs(level - torch![i]!)))).toBeLessThanOrEqual(2);
      }),
      { numRuns: 60 },
    );
  });

  it('returns a copy in the same size, and never changes its input', () => {
    fc.assert(
      fc.property(anyImage, anySize, fc.constantFrom(...filters), (image, size, resample) => {
        const before = [...image.data];
        const same = resize(image, { width: image.width, height: image.height, resample });
        expect([...same.data]).toEqual(before);
        same.data.fill(7);
        resize(image, { ...size, resample });
        expect([...image.data]).toEqual(before);
      }),
      { numRuns: 60 },
    );
    const alpha = { data: Buffer.from([200, 100, 50, 25]), width: 2, height: 1, channels: 2 as const };
    resize(alpha, { width: 1, height: 1 });
    expect([...alpha.data]).toEqual([200, 100, 50, 25]); // slice() of a Buffer would be a view
  });

  it('refuses what it cannot do', () => {
    const image = grey([1, 2]);
    expect(() => resize(image, { width: 0, height: 1 })).toThrow('whole numbers from 1, got 0 x 1');
    expect(() => resize(image, { width: 1.5, height: 1 })).toThrow(ImageError);
    expect(() => resize(image, { width: 100_000, height: 100_000 })).toThrow('up to 50000000 pixels');
    expect(() => resize({ ...image, width: 3 }, { width: 1, height: 1 })).toThrow('must have 3 bytes, got 2');
    expect(() => resize({ ...image, channels: 5 as Channels }, { width: 1, height: 1 })).toThrow(
      '1 to 4 channels, got 5',
    );
    expect(() => resize(image, { width: 1, height: 1, resample: 'sinc' as Resample })).toThrow(ConfigError);
    expect(() => resize(image, { width: 1, height: 1, resample: 'box', backend: 'torchvision' })).toThrow(
      'no filter box',
    );
  });
});
