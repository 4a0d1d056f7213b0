import { RandomStream, valueAndGradients } from '@formers/backend';
import {
  add,
  conv2d,
  matMul,
  mul,
  range,
  reshape,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tensor4d,
  transpose,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectGradients,
  expectOwned,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { PatchEmbedding, patchify, type Size, unpatchify } from '../src/index.ts';

useEngineForTests();

/** The images that patches were cut from. */
function glued(
  patches: Tensor3D,
  { imageSize: [height, width], patchSize: [patchHeight, patchWidth] }: { imageSize: Size; patchSize: Size },
): Tensor4D {
  const [batch, , pixels] = patches.shape;
  const [rows, columns, channels] = [height / patchHeight, width / patchWidth, pixels / (patchHeight * patchWidth)];
  const grid = reshape(patches as Tensor, [batch, rows, columns, channels, patchHeight, patchWidth]);
  return reshape(transpose(grid, [0, 3, 1, 4, 2, 5]), [batch, channels, height, width]) as Tensor4D;
}

describe('patchify', () => {
  test('by hand: patches row by row, in each the channels, in each the rows', () => {
    const images = tensor4d(
      [
        [
          [
            [1, 2, 3, 4],
            [5, 6, 7, 8],
          ],
          [
            [10, 20, 30, 40],
            [50, 60, 70, 80],
          ],
        ],
      ],
      [1, 2, 2, 4],
    );
    const patches = patchify(images, [1, 2]);
    expect(patches.shape).toEqual([1, 4, 4]);
    expectSameBits(patches, [1, 2, 10, 20, 3, 4, 30, 40, 5, 6, 50, 60, 7, 8, 70, 80]);
    expectSameBits(patchify(images, [2, 2]), [1, 2, 5, 6, 10, 20, 50, 60, 3, 4, 7, 8, 30, 40, 70, 80]);
    expectSameBits(patchify(images, [2, 1]), [1, 5, 10, 50, 2, 6, 20, 60, 3, 7, 30, 70, 4, 8, 40, 80]);
  });

  test.each<[imageSize: Size, patchSize: Size]>([
    [
      [8, 8],
      [4, 4],
    ],
    [
      [12, 6],
      [4, 2],
    ],
    [
      [3, 10],
      [1, 5],
    ],
    [
      [5, 7],
      [5, 7],
    ],
  ])('%o in patches of %o has an inverse (bits)', (imageSize, patchSize) => {
    const images = randomTensor<Tensor4D>([2, 3, ...imageSize]);
    expectSameBits(glued(patchify(images, patchSize), { imageSize, patchSize }), images);
  });

  test('leaves out what fills no patch, at the right and at the bottom', () => {
    const images = randomTensor<Tensor4D>([2, 3, 7, 11]);
    expectSameBits(patchify(images, [3, 4]), patchify(slice(images, [0, 0, 0, 0], [2, 3, 6, 8]), [3, 4]));
    expect(patchify(images, [3, 4]).shape).toEqual([2, 4, 36]);
  });

  test('owns its output', () => {
    const images = reshape(range(0, 96), [1, 2, 6, 8]) as Tensor4D;
    expectOwned(() => patchify(images, [3, 4]));
  });
});

describe('unpatchify', () => {
  test.each<[grid: Size, patchSize: Size]>([
    [
      [2, 3],
      [4, 2],
    ],
    [
      [1, 1],
      [3, 5],
    ],
    [
      [3, 2],
      [1, 1],
    ],
  ])('a grid of %o of patches of %o: the inverse of patchify (bits)', (grid, patchSize) => {
    const images = randomTensor<Tensor4D>([2, 3, grid[0] * patchSize[0], grid[1] * patchSize[1]]);
    const back = unpatchify(patchify(images, patchSize), { grid, patchSize });
    expect(back.shape).toEqual(images.shape);
    expectSameBits(back, images);
    const patches = patchify(images, patchSize);
    expectOwned(() => unpatchify(patches, { grid, patchSize }));
  });

  test('another number of patches than the grid has is told', async () => {
    const patches = randomTensor<Tensor3D>([2, 6, 8]);
    await expectError(() => unpatchify(patches, { grid: [2, 2], patchSize: [2, 4] }), {
      code: 'shape',
      message: 'unpatchify: patches must be [batch, 4, 8], got [2, 6, 8]',
    });
  });
});

describe('PatchEmbedding', () => {
  const make = (patchSize: Size): PatchEmbedding => {
    const patches = new PatchEmbedding({ patchSize, numChannels: 3, dim: 5, random: new RandomStream(1, 'init') });
    patches.weight.assign(randomTensor(patches.weight.shape, { seed: 1 }));
    patches.bias!.assign(randomTensor([5], { seed: 2 }));
    return patches;
  };

  test.each<[imageSize: Size, patchSize: Size]>([
    [
      [8, 8],
      [4, 4],
    ],
    [
      [12, 6],
      [4, 2],
    ],
    [
      [9, 14],
      [2, 5],
    ],
  ])('of %o in patches of %o is a convolution whose stride is its kernel', (imageSize, patchSize) => {
    using patches = make(patchSize);
    const images = randomTensor<Tensor4D>([2, 3, ...imageSize]);
    const lastChannels = transpose(images, [0, 2, 3, 1]) as Tensor4D; // [batch, height, width, channels], as tfjs wants them
    const kernel = transpose(patches.weight as Tensor, [2, 3, 1, 0]) as Tensor4D; // [patchHeight, patchWidth, channels, dim]
    const convolved = conv2d(lastChannels, kernel, [...patchSize], 'valid'); // [batch, rows, columns, dim]
    const expected = reshape(add(convolved, patches.bias!) as Tensor, [2, -1, 5]);
    expectClose(patches.call(images), expected, { rtol: 1e-5, atol: 1e-5 });
  });

  test('gradients of images, weight and bias', () => {
    using patches = make([2, 3]);
    const images = randomTensor<Tensor4D>([2, 3, 4, 6]);
    expectGradients((x: Tensor4D) => patches.call(x), [images]);
    const outputs = randomTensor<Tensor3D>([2, 4, 5]);
    const { gradients } = valueAndGradients(
      () => sum(mul(patches.call(images), outputs)),
      [patches.weight, patches.bias!],
    );
    const rows = reshape(outputs as Tensor, [8, 5]) as Tensor2D;
    const pixels = reshape(patchify(images, [2, 3]) as Tensor, [8, 18]) as Tensor2D;
    expectClose(gradients[0]!, reshape(matMul(rows, pixels, true), [5, 3, 2, 3]), { rtol: 1e-4, atol: 1e-5 });
    expectClose(gradients[1]!, sum(rows, 0), { rtol: 1e-4, atol: 1e-5 });
  });

  test('owns its output', () => {
    using patches = make([2, 3]);
    const images = randomTensor<Tensor4D>([2, 3, 4, 6]);
    expectOwned(() => patches.call(images));
  });

  test('starts with a standard deviation of 0.02, and without a bias', () => {
    using patches = new PatchEmbedding({
      patchSize: [16, 16],
      numChannels: 3,
      dim: 20,
      random: new RandomStream(1, 'init'),
    });
    const std = Math.hypot(...valuesOf(patches.weight)) / Math.sqrt(patches.weight.size);
    expect(Math.abs(std / 0.02 - 1)).toBeLessThan(0.05);
    expectSameBits(patches.bias!, new Array<number>(20).fill(0));
  });

  test('wrong channels, and images without a batch', async () => {
    using patches = make([2, 3]);
    const [grey, single] = [randomTensor<Tensor4D>([2, 1, 4, 6]), randomTensor([3, 4, 6])];
    await expectError(() => patches.call(grey), {
      code: 'shape',
      message: 'PatchEmbedding: images must be [batch, 3, height, width], got [2, 1, 4, 6]',
    });
    await expectError(() => patches.call(single as Tensor4D), { code: 'shape', message: 'got [3, 4, 6]' });
  });
});
