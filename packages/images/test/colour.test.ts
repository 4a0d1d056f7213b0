import { describe, expect, it } from 'vitest';

import { cmykToRgb } from '../src/colour.ts';
import { layOnWhite, type RawImage, toGrey, toRgb } from '../src/index.ts';

const pixel = (...levels: number[]): RawImage => ({
  data: Uint8Array.from(levels),
  width: 1,
  height: 1,
  channels: levels.length as 1 | 2 | 3 | 4,
});

describe('colours', () => {
  it('become grey by ITU-R 601, rounded as in Pillow', () => {
    // 299, 587 and 114 thousandths: 76.245, 149.685, 29.07
    expect([pixel(255, 0, 0), pixel(0, 255, 0), pixel(0, 0, 255)].map((image) => toGrey(image).data[0])).toEqual([
      76, 150, 29,
    ]);
    expect(toGrey(pixel(10, 20, 30, 0)).data[0]).toBe(18);
    expect([...toGrey(pixel(77, 5)).data]).toEqual([77]);
    for (let level = 0; level < 256; level++) expect(toGrey(pixel(level, level, level)).data[0]).toBe(level);
  });

  it('become three channels, without alpha', () => {
    expect([...toRgb(pixel(9)).data]).toEqual([9, 9, 9]);
    expect([...toRgb(pixel(9, 0)).data]).toEqual([9, 9, 9]);
    expect([...toRgb(pixel(1, 2, 3, 0)).data]).toEqual([1, 2, 3]);
  });

  it('lie on white', () => {
    expect([...layOnWhite(pixel(10, 100, 200, 255)).data]).toEqual([10, 100, 200]);
    expect([...layOnWhite(pixel(10, 100, 200, 0)).data]).toEqual([255, 255, 255]);
    expect([...layOnWhite(pixel(0, 100, 200, 128)).data]).toEqual([127, 177, 227]); // Pillow's alpha_composite
    expect([...layOnWhite(pixel(0, 51)).data]).toEqual([204]);
  });

  it('are mixed from ink by the plain formula', () => {
    expect([...cmykToRgb(pixel(0, 0, 0, 0)).data]).toEqual([255, 255, 255]);
    expect([...cmykToRgb(pixel(255, 0, 0, 0)).data]).toEqual([0, 255, 255]);
    expect([...cmykToRgb(pixel(100, 50, 0, 55)).data]).toEqual([122, 161, 200]);
  });
});
