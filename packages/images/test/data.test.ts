import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { ConfigError, cpu, useBackend } from '@formers/backend';
import { memory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  ImageBatches,
  type ImageBatchesOptions,
  type ImageDataSet,
  ImageError,
  ImageFolder,
  ImageProcessor,
  mnistImages,
  randomAffine,
  sequentialBatches,
  splitImages,
} from '../src/index.ts';
import { png } from './support/files.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'formers-images-'));
beforeAll(async () => void (await useBackend(cpu())));
afterAll(() => rmSync(folder, { recursive: true }));

const processor = ImageProcessor.fromConfig({
  do_resize: false,
  do_rescale: false,
  do_normalize: false,
  image_mean: [0],
  image_std: [1],
});

/** Images of one pixel, whose level is their number, in three classes. */
const numbers = (length: number): ImageDataSet => ({
  length,
  labels: ['a', 'b', 'c'],
  identity: `numbers ${length}`,
  label: (index) => index % 3,
  image: (index) => ({ data: Uint8Array.of(index), width: 1, height: 1, channels: 1 }),
});

async function drawn(batches: ImageBatches, step: number): Promise<number[]> {
  using batch = await batches.at(step);
  const levels = [...batch.images.dataSync()];
  expect([...batch.labels.dataSync()]).toEqual(levels.map((level) => level % 3));
  return levels;
}

const batchesOf = (length: number, options: Partial<ImageBatchesOptions> = {}): ImageBatches =>
  new ImageBatches(numbers(length), { processor, batchSize: 4, ...options });

describe('ImageBatches', () => {
  it('gives tensors of images and labels', async () => {
    using batch = await batchesOf(10).at(3);
    expect(batch).toMatchObject({ step: 3, tokens: 4 });
    expect([batch.images.shape, batch.images.dtype, batch.labels.shape, batch.labels.dtype]).toEqual([
      [4, 1, 1, 1],
      'float32',
      [4],
      'int32',
    ]);
  });

  it('uses each image once per pass, in an order that changes, across the borders of batches', async () => {
    const batches = batchesOf(10);
    const stream: number[] = [];
    for (let step = 0; step < 5; step++) stream.push(...(await drawn(batches, step)));
    const [first, second] = [stream.slice(0, 10), stream.slice(10, 20)];
    expect(first.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(second.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(second).not.toEqual(first);
    expect(first).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('makes any batch alone, by seed and number', async () => {
    const inOrder = batchesOf(10, { seed: 7 });
    const expected: number[][] = [];
    for (let step = 0; step < 6; step++) expected.push(await drawn(inOrder, step));
    for (const step of [5, 0, 2, 4]) expect(await drawn(batchesOf(10, { seed: 7 }), step)).toEqual(expected[step]);
    expect(await drawn(batchesOf(10, { seed: 8 }), 0)).not.toEqual(expected[0]);
    const together = await Promise.all([3, 1].map((step) => drawn(inOrder, step)));
    expect(together).toEqual([expected[3], expected[1]]);
  });

  it('augments by place, so that each pass differs and a repetition does not', async () => {
    const square: ImageDataSet = {
      ...numbers(1),
      image: () => ({ data: Uint8Array.from({ length: 36 }, (_, i) => i * 7), width: 6, height: 6, channels: 1 }),
    };
    const make = (): ImageBatches =>
      new ImageBatches(square, { processor, batchSize: 2, augment: [randomAffine({ rotate: 20, shift: 1 })] });
    const pixels = async (batches: ImageBatches, step: number): Promise<string> => {
      using batch = await batches.at(step);
      return batch.images.dataSync().join();
    };
    const all = [await pixels(make(), 0), await pixels(make(), 1)];
    expect(new Set(all).size).toBe(2);
    expect([await pixels(make(), 0), await pixels(make(), 1)]).toEqual(all);
    const images = all[0]!.split(',');
    expect(images.slice(0, 36)).not.toEqual(images.slice(36));
  });

  it('tells what it depends on', () => {
    const other = ImageProcessor.fromConfig({ image_mean: [0], image_std: [1] });
    const identities = [
      batchesOf(10),
      batchesOf(11),
      batchesOf(10, { seed: 1 }),
      batchesOf(10, { batchSize: 5 }),
      batchesOf(10, { processor: other }),
      batchesOf(10, { augment: [randomAffine({ shift: 1 })] }),
    ].map(({ identity }) => JSON.stringify(identity));
    expect(new Set(identities).size).toBe(6);
    expect(JSON.stringify(batchesOf(10).identity)).toBe(identities[0]);
  });

  it('refuses what makes no batches', async () => {
    expect(() => batchesOf(0)).toThrow(ConfigError);
    expect(() => batchesOf(3, { batchSize: 0 })).toThrow('batchSize must be a whole number from 1, got 0');
    expect(() => batchesOf(3, { seed: 0.5 })).toThrow(ConfigError);
    await expect(batchesOf(3).at(-1)).rejects.toThrow(ConfigError);
  });
});

describe('sequentialBatches', () => {
  it('shows all images once, in order, and frees its batches', async () => {
    const seen: number[][] = [];
    for await (const { images } of sequentialBatches(numbers(7), { processor, batchSize: 3 }))
      seen.push([...images.dataSync()]);
    expect(seen).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    for await (const batch of sequentialBatches(numbers(7), { processor, batchSize: 3 })) {
      expect(batch.tokens).toBe(3);
      break;
    }
    expect(memory().numTensors).toBe(0);
  });
});

describe('splitImages', () => {
  it('holds out a fixed choice', () => {
    const levels = (images: ImageDataSet): number[] =>
      Array.from({ length: images.length }, (_, i) => (images.image(i) as { data: Uint8Array }).data[0]!);
    const { train, test } = splitImages(numbers(50), { test: 10, seed: 3 });
    expect([train.length, test.length]).toEqual([40, 10]);
    expect([...levels(train), ...levels(test)].toSorted((a, b) => a - b)).toEqual(levels(numbers(50)));
    expect(levels(splitImages(numbers(50), { test: 10, seed: 3 }).test)).toEqual(levels(test));
    expect(levels(splitImages(numbers(50), { test: 10, seed: 4 }).test)).not.toEqual(levels(test));
    expect(test.label(0)).toBe(levels(test)[0]! % 3);
    expect(test.identity).not.toBe(train.identity);
    expect(() => splitImages(numbers(5), { test: 5 })).toThrow(ImageError);
    expect(() => test.label(10)).toThrow(ConfigError);
  });
});

describe('mnistImages', () => {
  /** In the form of the package: digit d has d + 1 images, whose levels are 20 d + number, rounded to thousandths. */
  const digits = Array.from({ length: 10 }, (_, digit) => ({
    raw: Array.from(
      { length: (digit + 1) * 784 },
      (_, i) => Math.round((1000 * (20 * digit + Math.floor(i / 784))) / 255) / 1000,
    ),
  }));

  it('finds the levels again', () => {
    const images = mnistImages(digits);
    expect(images).toMatchObject({ length: 55, labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] });
    expect([0, 1, 2, 54].map((index) => images.label(index))).toEqual([0, 1, 1, 9]);
    const image = images.image(2) as { data: Uint8Array; width: number; height: number; channels: number };
    expect([image.width, image.height, image.channels, image.data.length, ...new Set(image.data)]).toEqual([
      28, 28, 1, 784, 21,
    ]);
    expect((images.image(54) as { data: Uint8Array }).data[783]).toBe(189);
  });

  it('refuses what is not the package', () => {
    expect(() => mnistImages([])).toThrow(ImageError);
    expect(() => mnistImages(digits.map(({ raw }) => ({ raw: raw.slice(1) })))).toThrow('10 classes of 784 numbers');
  });
});

describe('ImageFolder', () => {
  const write = (name: string, level: number): void => {
    mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(folder, name), png({ width: 1, height: 1, rows: [Uint8Array.of(level)] }));
  };

  it('has a class per folder, in order of names', async () => {
    for (const [name, level] of [
      ['pets/dog/b.png', 30],
      ['pets/dog/a.PNG', 20],
      ['pets/cat/1.png', 10],
      ['pets/.cache/x.png', 1],
    ] as const)
      write(name, level);
    writeFileSync(path.join(folder, 'pets/cat/readme.txt'), 'no image');
    const pets = await ImageFolder.open(path.join(folder, 'pets'));
    expect(pets).toMatchObject({ length: 3, labels: ['cat', 'dog'] });
    expect([0, 1, 2].map((index) => pets.label(index))).toEqual([0, 1, 1]);
    const images = await Promise.all([0, 1, 2].map((index) => pets.image(index)));
    expect(images.map(({ data, channels }) => [data[0], channels])).toEqual([
      [10, 3],
      [20, 3],
      [30, 3],
    ]);
    expect(path.basename(pets.path(1))).toBe('a.PNG');
    using batch = await new ImageBatches(pets, { processor, batchSize: 3 }).at(0);
    expect(batch.images.shape).toEqual([3, 1, 1, 1]);
    expect(() => pets.label(3)).toThrow(ImageError);
  });

  it('refuses folders without classes or images', async () => {
    mkdirSync(path.join(folder, 'none'));
    mkdirSync(path.join(folder, 'hollow/cat'), { recursive: true });
    await expect(ImageFolder.open(path.join(folder, 'missing'))).rejects.toMatchObject({ code: 'missing-file' });
    await expect(ImageFolder.open(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'data-set' });
    await expect(ImageFolder.open(path.join(folder, 'hollow'))).rejects.toThrow(
      `no images in ${path.join(folder, 'hollow', 'cat')}`,
    );
    await expect(ImageFolder.open(path.join(folder, 'pets/cat/1.png'))).rejects.toMatchObject({ code: 'unreadable' });
  });
});

it('leaves no tensors behind, after all of the above', () => {
  expect(memory().numTensors).toBe(0);
});
