import { RandomStream, valueAndGradients } from '@formers/backend';
import { type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectError, expectOwned, expectSameBits, useEngineForTests, valuesOf } from '../../testing/src/index.ts';
import { LearnedPositions } from '../src/index.ts';

useEngineForTests();

const make = (): LearnedPositions => {
  const positions = new LearnedPositions({ contextLength: 4, dim: 2, random: null });
  positions.weight.assign(
    tensor2d([
      [0, 1],
      [10, 11],
      [20, 21],
      [30, 31],
    ]),
  );
  return positions;
};

test('a range from the start, or from an offset', () => {
  using positions = make();
  expect(positions.call({ seq: 2 }).shape).toEqual([1, 2, 2]);
  expectSameBits(positions.call({ seq: 2 }), [0, 1, 10, 11]);
  expectSameBits(positions.call({ seq: 2, offset: 2 }), [20, 21, 30, 31]);
  expectOwned(() => positions.call({ seq: 2 }));
});

test('given positions, one row per sequence', () => {
  using positions = make();
  const y = positions.call({
    positionIds: tensor2d(
      [
        [3, 0],
        [1, 1],
      ],
      [2, 2],
      'int32',
    ),
  });
  expect(y.shape).toEqual([2, 2, 2]);
  expectSameBits(y, [30, 31, 0, 1, 10, 11, 10, 11]);
});

test('reserved rows come before position 0, for ranges, given positions and the limit', async () => {
  using positions = new LearnedPositions({ contextLength: 2, dim: 1, reserved: 2, random: null });
  positions.weight.assign(tensor2d([[7], [8], [10], [11]]));
  expectSameBits(positions.call({ seq: 2 }), [10, 11]);
  expectSameBits(positions.call({ seq: 1, offset: 1 }), [11]);
  const positionIds = tensor2d([[1, 0, -1]], [1, 3], 'int32');
  expectSameBits(positions.call({ positionIds }), [11, 10, 8]);
  await expectError(() => positions.call({ seq: 2, offset: 1 }), {
    code: 'shape',
    message: 'LearnedPositions: there are 2 positions, got 2 tokens from position 1',
  });
});

test('the gradient goes to the rows used', () => {
  using positions = make();
  const { gradients } = valueAndGradients(() => positions.call({ seq: 2, offset: 1 }), [positions.weight]);
  expectSameBits(gradients[0] as Tensor, [0, 0, 1, 1, 1, 1, 0, 0]);
});

test.each([
  [{ seq: 4 }, undefined],
  [{ seq: 1, offset: 3 }, undefined],
  [{ seq: 5 }, 'LearnedPositions: there are 4 positions, got 5 tokens from position 0'],
  [{ seq: 1, offset: 4 }, 'LearnedPositions: there are 4 positions, got 1 tokens from position 4'],
])('the limit: %o', async (request, message) => {
  using positions = make();
  if (message === undefined) expect(positions.call(request).shape).toEqual([1, request.seq, 2]);
  else await expectError(() => positions.call(request), { code: 'shape', message });
});

test('starts with a standard deviation of 0.02', () => {
  using positions = new LearnedPositions({ contextLength: 100, dim: 50, random: new RandomStream(1, 'init') });
  const values = valuesOf(positions.weight);
  const std = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  expect(Math.abs(std / 0.02 - 1)).toBeLessThan(0.05);
});
