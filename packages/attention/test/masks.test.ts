import { attentionWeights } from '@formers/backend';
import { type Tensor, type Tensor2D, tensor2d, type Tensor4D } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, expectOwned, randomTensor, useEngineForTests, valuesOf } from '../../testing/src/index.ts';
import { causalPaddingMask, paddingMask } from '../src/index.ts';

useEngineForTests();

const attentionMask = (rows: number[][]): Tensor2D => tensor2d(rows, [rows.length, rows[0]!.length], 'int32');

test('paddingMask hides padding from every query', () => {
  const mask = paddingMask(
    attentionMask([
      [1, 1, 0],
      [0, 1, 1],
    ]),
  );
  expect([mask.shape, mask.dtype]).toEqual([[2, 1, 1, 3], 'bool']);
  expect(valuesOf(mask)).toEqual([1, 1, 0, 0, 1, 1]);
  const input = attentionMask([[1, 0]]);
  expectOwned(() => paddingMask(input));
});

test.each(['int32', 'float32', 'bool'] as const)('masks of %s', (dtype) => {
  expect(valuesOf(paddingMask(tensor2d([[1, 0]], [1, 2], dtype)))).toEqual([1, 0]);
});

test('causalPaddingMask hides what comes later, too', () => {
  const { mask, bias } = causalPaddingMask(
    attentionMask([
      [1, 1, 1],
      [1, 1, 0],
    ]),
    3,
  );
  expect(mask.shape).toEqual([2, 1, 3, 3]);
  expect(valuesOf(mask)).toEqual([1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0]);
  expect(valuesOf(bias).every((value) => Math.abs(value) === 0)).toBe(true);
  const input = attentionMask([[0, 1]]);
  expectOwned(() => causalPaddingMask(input, 2));
});

test('with a cache the queries are the last keys', () => {
  const { mask } = causalPaddingMask(attentionMask([[1, 0, 1, 1]]), 2);
  expect(mask.shape).toEqual([1, 1, 2, 4]);
  expect(valuesOf(mask)).toEqual([1, 0, 1, 0, 1, 0, 1, 1]);
});

test('a query that would see nothing attends to all keys alike, as in Hugging Face', () => {
  const [q, k] = [randomTensor<Tensor4D>([1, 2, 3, 4]), randomTensor<Tensor4D>([1, 2, 3, 4], { seed: 1 })];
  const { mask, bias } = causalPaddingMask(attentionMask([[0, 1, 1]]), 3);
  const map = valuesOf(attentionWeights(q, k, { mask, bias }) as Tensor);
  for (const head of [0, 1]) {
    expectClose(map.slice(head * 9, head * 9 + 3), [1 / 3, 1 / 3, 1 / 3]);
    expect(map.slice(head * 9 + 3, head * 9 + 6)).toEqual([0, 1, 0]);
  }
});
