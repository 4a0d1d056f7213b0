import { ConfigError, RandomStream } from '@formers/backend';
import { describe, expect, it } from 'vitest';

import {
  affine,
  type Augmentation,
  crop,
  flipHorizontal,
  type RawImage,
  randomAffine,
  randomCrop,
  randomFlip,
} from '../src/index.ts';
import { grey, picture } from './support/picture.ts';

const rows = ({ data, width }: RawImage): number[][] =>
  Array.from({ length: data.length / width }, (_, row) => [...data.subarray(row * width, (row + 1) * width)]);

describe('affine', () => {
  const image = grey([1, 2, 3], [4, 5, 6], [7, 8, 9]);

  it('shifts to the right and down', () => {
    expect(rows(affine(image, { shift: [1, 0] }))).toEqual([
      [0, 1, 2],
      [0, 4, 5],
      [0, 7, 8],
    ]);
    expect(rows(affine(image, { shift: [0, -1], fill: 99 }))).toEqual([
      [4, 5, 6],
      [7, 8, 9],
      [99, 99, 99],
    ]);
    expect(rows(affine(grey([0, 100, 200]), { shift: [0.25, 0] }))).toEqual([[0, 75, 175]]);
  });

  it('rotates against the clock about the centre', () => {
    expect(rows(affine(image, { rotate: 90 }))).toEqual([
      [3, 6, 9],
      [2, 5, 8],
      [1, 4, 7],
    ]);
    expect(rows(affine(image, { rotate: 180 }))).toEqual([
      [9, 8, 7],
      [6, 5, 4],
      [3, 2, 1],
    ]);
    expect(rows(affine(image, { rotate: -450 }))).toEqual([
      [7, 4, 1],
      [8, 5, 2],
      [9, 6, 3],
    ]);
  });

  it('scales about the centre', () => {
    const dot = grey([0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 80, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]);
    expect(rows(affine(dot, { scale: 2 }))).toEqual([
      [0, 0, 0, 0, 0],
      [0, 20, 40, 20, 0],
      [0, 40, 80, 40, 0],
      [0, 20, 40, 20, 0],
      [0, 0, 0, 0, 0],
    ]);
    expect(rows(affine(grey([10, 20, 30, 40, 50]), { scale: 0.5 }))).toEqual([[0, 10, 30, 50, 0]]);
  });

  it('does nothing when nothing is asked, whatever the channels', () => {
    const colours = picture([5, 4, 3]);
    expect([...affine(colours, {}).data]).toEqual([...colours.data]);
    const [red] = [affine(colours, { rotate: 33, scale: 1.2 })];
    const alone: RawImage = { data: colours.data.filter((_, i) => i % 3 === 0), width: 5, height: 4, channels: 1 };
    expect([...affine(alone, { rotate: 33, scale: 1.2 }).data]).toEqual([...red!.data.filter((_, i) => i % 3 === 0)]);
  });

  it('refuses what is no movement', () => {
    expect(() => affine(image, { scale: 0 })).toThrow(ConfigError);
    expect(() => affine(image, { rotate: NaN })).toThrow('must be finite');
  });
});

describe('crop and flip', () => {
  it('take what lies in a region', () => {
    const image = grey([1, 2, 3], [4, 5, 6]);
    expect(rows(crop(image, { left: 1, top: 0, width: 2, height: 1 }))).toEqual([[2, 3]]);
    expect(rows(crop(image, { left: -1, top: 1, width: 3, height: 2, fill: 9 }))).toEqual([
      [9, 4, 5],
      [9, 9, 9],
    ]);
    expect(rows(crop(image, { left: 7, top: 0, width: 1, height: 1 }))).toEqual([[0]]);
  });

  it('mirror pixels, not channels', () => {
    const image: RawImage = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 2, height: 1, channels: 3 };
    expect([...flipHorizontal(image).data]).toEqual([4, 5, 6, 1, 2, 3]);
    const colours = picture([7, 3, 3]);
    expect([...flipHorizontal(flipHorizontal(colours)).data]).toEqual([...colours.data]);
  });
});

describe('random augmentation', () => {
  const image = picture([12, 10, 3]);
  const all: [string, Augmentation][] = [
    ['randomAffine', randomAffine({ shift: 2, rotate: 15, scale: [0.8, 1.2] })],
    ['randomCrop', randomCrop({ padding: 3 })],
    ['randomFlip', randomFlip()],
  ];

  it.each(all)('%s depends on the key alone', (_, augmentation) => {
    const apply = (stream: string): string => augmentation.apply(image, new RandomStream(5, stream)).data.join();
    const results = Array.from({ length: 12 }, (_, i) => apply(`augment.${i}`));
    expect(Array.from({ length: 12 }, (_, i) => apply(`augment.${i}`))).toEqual(results);
    expect(new Set(results).size).toBeGreaterThan(1);
  });

  it('stays within its bounds', () => {
    const dot = grey(
      ...Array.from({ length: 9 }, (_, y) => Array.from({ length: 9 }, (_, x) => (x === 4 && y === 4 ? 255 : 0))),
    );
    const places = Array.from({ length: 200 }, (_, i) => {
      const { data } = randomAffine({ shift: 2 }).apply(dot, new RandomStream(i, 'bounds'));
      const sum = data.reduce((a, b) => a + b, 0);
      const mean = (coordinate: (i: number) => number): number =>
        data.reduce((a, level, i) => a + level * coordinate(i), 0) / sum - 4;
      return [mean((i) => i % 9), mean((i) => Math.floor(i / 9))];
    });
    for (const axis of [0, 1]) {
      const shifts = places.map((place) => place[axis]!);
      expect(Math.max(...shifts)).toBeLessThan(2.02);
      expect(Math.min(...shifts)).toBeGreaterThan(-2.02);
      expect(Math.max(...shifts)).toBeGreaterThan(1.8);
      expect(Math.min(...shifts)).toBeLessThan(-1.8);
    }
  });

  it('crops at every place of the padded image', () => {
    const corners = new Set(
      Array.from({ length: 300 }, (_, i) =>
        randomCrop({ padding: 1 })
          .apply(grey([1, 2], [3, 4]), new RandomStream(i, 'crop'))
          .data.join(),
      ),
    );
    expect(corners.size).toBe(9);
    const part = randomCrop({ size: { width: 4, height: 3 } }).apply(image, new RandomStream(1, 'crop'));
    expect([part.width, part.height]).toEqual([4, 3]);
    expect(() => randomCrop({ size: { width: 40, height: 3 } }).apply(image, new RandomStream(1, 'crop'))).toThrow(
      'must fit into',
    );
  });

  it('flips as often as told', () => {
    const flips = (probability: number): number =>
      Array.from({ length: 400 }, (_, i) =>
        randomFlip({ probability }).apply(grey([1, 2]), new RandomStream(i, 'flip')),
      ).filter(({ data }) => data[0] === 2).length;
    expect([flips(0), flips(1)]).toEqual([0, 400]);
    expect(Math.abs(flips(0.25) - 100)).toBeLessThan(35);
  });

  it('refuses bounds that are none, and tells its settings', () => {
    expect(() => randomAffine({ shift: -1 })).toThrow(ConfigError);
    expect(() => randomAffine({ scale: [2, 1] })).toThrow(ConfigError);
    expect(() => randomCrop({ padding: 0.5 })).toThrow(ConfigError);
    expect(() => randomFlip({ probability: 2 })).toThrow(ConfigError);
    expect(
      new Set(
        [randomAffine({ shift: 1 }), randomAffine({ shift: 2 }), randomAffine({ rotate: 1 })].map(
          ({ identity }) => identity,
        ),
      ).size,
    ).toBe(3);
  });
});
