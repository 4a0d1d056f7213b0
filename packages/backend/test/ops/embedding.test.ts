import { mul, type Tensor, type Tensor2D, tensor2d, tensor } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  expectClose,
  expectGradients,
  expectOwned,
  expectSameBits,
  randomIds,
  randomTensor,
  useEngineForTests,
} from '../../../testing/src/index.ts';
import { embedding, valueAndGradients } from '../../src/index.ts';

useEngineForTests();

const weight = (): Tensor2D =>
  tensor2d([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);

test('rows by id, for ids of any rank', () => {
  const y = embedding(
    weight(),
    tensor(
      [
        [2, 0],
        [0, 1],
      ],
      [2, 2],
      'int32',
    ),
  );
  expect(y.shape).toEqual([2, 2, 2]);
  expectSameBits(y, [5, 6, 1, 2, 1, 2, 3, 4]);
  expect(embedding(weight(), tensor([1], [1, 1, 1], 'int32')).shape).toEqual([1, 1, 1, 2]);
  expectSameBits(embedding(weight(), tensor(2, [], 'int32')), [5, 6]);
});

test('the gradient adds up rows that stand twice, and is zero for others', () => {
  const table = weight();
  const ids = tensor([2, 0, 2, 2], [4], 'int32');
  const dy = tensor2d([
    [1, 10],
    [2, 20],
    [3, 30],
    [4, 40],
  ]);
  const [gradient] = valueAndGradients(() => mul(embedding(table, ids), dy), [table]).gradients as [Tensor];
  expectSameBits(gradient, [2, 20, 0, 0, 8, 80]);
});

test('gradient by finite differences', () => {
  const ids = randomIds([3, 5], { bound: 7 });
  expectGradients((table: Tensor2D) => embedding(table, ids), [randomTensor<Tensor2D>([7, 4])]);
});

test('the gradient has the same bits in every run', () => {
  const [table, ids] = [randomTensor<Tensor2D>([5, 8]), randomIds([4, 100], { bound: 5 })];
  const dy = randomTensor([4, 100, 8], { seed: 1 });
  const run = (): Tensor =>
    valueAndGradients(() => embedding(table, ids), [table], { outputGradient: dy }).gradients[0]!;
  expectSameBits(run(), run());
});

test('owns its output; a one-row table', () => {
  const [table, ids] = [weight(), tensor([0, 1], [2], 'int32')];
  expectOwned(() => embedding(table, ids));
  expectClose(embedding(tensor2d([[7, 8]]), tensor([0, 0], [2], 'int32')), [7, 8, 7, 8]);
});
