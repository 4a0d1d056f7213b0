import type { RawImage } from '@formers/images';
import { describe, expect, it } from 'vitest';

import { centreOfMass, digitFromStrokes } from '../src/digit/digit-form.ts';
import { EXAMPLES } from '../src/digit/examples.ts';
import type { Stroke } from '../src/digit/strokes.ts';

const at = ({ data, width }: RawImage, { row, column }: { row: number; column: number }): number =>
  data[row * width + column] ?? -1;

/** First and last row and column with ink. */
function boxOf({ data, width }: RawImage): { top: number; bottom: number; left: number; right: number } {
  const inked = [...data.keys()].filter((i) => (data[i] ?? 0) > 0);
  const rows = inked.map((i) => Math.floor(i / width));
  const columns = inked.map((i) => i % width);
  return { top: Math.min(...rows), bottom: Math.max(...rows), left: Math.min(...columns), right: Math.max(...columns) };
}

const move = (strokes: readonly Stroke[], { scale, x, y }: { scale: number; x: number; y: number }): Stroke[] =>
  strokes.map((stroke) => stroke.map(([px, py]) => [px * scale + x, py * scale + y]));

const vertical: Stroke[] = [
  [
    [0.5, 0.1],
    [0.5, 0.9],
  ],
];
const horizontal: Stroke[] = [
  [
    [0.1, 0.5],
    [0.9, 0.5],
  ],
];

describe('digitFromStrokes', () => {
  it('draws an upright line as a bar of 20 pixels in the middle, with soft edges', () => {
    const digit = digitFromStrokes(vertical);
    expect(digit).toMatchObject({ width: 28, height: 28, channels: 1 });
    expect(boxOf(digit)).toEqual({ top: 4, bottom: 24, left: 13, right: 15 });
    // The pen reaches 1.3 pixels to both sides of 14.5, the middle of pixel 14: from 13.2, which leaves 0.8 of pixel 13, to 15.8.
    expect([...digit.data.subarray(14 * 28 + 12, 14 * 28 + 17)]).toEqual([0, 204, 255, 204, 0]);
    // 20 pixels from 4.5 to 24.5: half of pixel 4, and half of pixel 24.
    expect([3, 4, 5, 23, 24, 25].map((row) => at(digit, { row, column: 14 }))).toEqual([0, 128, 255, 255, 128, 0]);
  });

  it('keeps rows and columns apart', () => {
    const [upright, flat] = [digitFromStrokes(vertical), digitFromStrokes(horizontal)];
    expect(boxOf(flat)).toEqual({ top: 13, bottom: 15, left: 4, right: 24 });
    for (let row = 0; row < 28; row++) {
      for (let column = 0; column < 28; column++)
        expect(at(flat, { row, column })).toBe(at(upright, { row: column, column: row }));
    }
  });

  it('gives the same for a drawing anywhere on the pad, large or small', () => {
    for (const { strokes } of EXAMPLES) {
      const digit = digitFromStrokes(strokes);
      const moved = digitFromStrokes(move(strokes, { scale: 0.3, x: 0.6, y: 0.1 }));
      const difference = Math.max(...digit.data.map((level, i) => Math.abs(level - (moved.data[i] ?? 0))));
      expect(difference).toBeLessThanOrEqual(1);
    }
  });

  it.each(EXAMPLES)('puts the mass of $label in the middle, and fills a box of 20 pixels', ({ strokes }) => {
    const digit = digitFromStrokes(strokes);
    const [x, y] = centreOfMass(digit);
    expect(x).toBeCloseTo(14.5, 1);
    expect(y).toBeCloseTo(14.5, 1);
    const { top, bottom, left, right } = boxOf(digit);
    const longest = Math.max(bottom - top, right - left) + 1;
    expect(longest).toBeGreaterThanOrEqual(19);
    expect(longest).toBeLessThanOrEqual(21);
    expect(Math.max(...digit.data)).toBe(255);
  });

  it('moves by mass, not by the box: a line with a heavy end hangs off the middle', () => {
    const zigzag: Stroke = Array.from({ length: 9 }, (_, i) => [0.35 + 0.3 * (i % 2), 0.8 + 0.0125 * i]);
    const digit = digitFromStrokes([
      [
        [0.5, 0.1],
        [0.5, 0.9],
      ],
      zigzag,
    ]);
    const { top, bottom } = boxOf(digit);
    expect((top + bottom + 1) / 2).toBeLessThan(13);
    expect(centreOfMass(digit)[1]).toBeCloseTo(14.5, 1);
  });

  it('draws a dot as a dot, and nothing for nothing', () => {
    expect(boxOf(digitFromStrokes([[[0.2, 0.9]]]))).toEqual({ top: 13, bottom: 15, left: 13, right: 15 });
    for (const nothing of [[], [[]], [[[Number.NaN, 0.5] as const]]]) {
      expect(digitFromStrokes(nothing).data.every((level) => level === 0)).toBe(true);
    }
  });
});

describe('centreOfMass', () => {
  it('weighs the middles of pixels', () => {
    expect(centreOfMass({ data: [1, 0, 0, 3], width: 2, height: 2 })).toEqual([1.25, 1.25]);
    expect(centreOfMass({ data: [0, 0, 0, 5, 0, 0], width: 3, height: 2 })).toEqual([0.5, 1.5]);
    expect(centreOfMass({ data: [0, 0, 0, 0, 0, 0], width: 3, height: 2 })).toEqual([1.5, 1]);
  });
});
