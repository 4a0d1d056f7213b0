import type { DataId, TensorInfo } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { asRows, input, sizeOf, takeWanted } from '../../src/engine/index.ts';

const info = (...shape: number[]): TensorInfo => ({ dataId: {}, shape, dtype: 'float32' });

test('sizeOf and asRows: scalars, rows, axes of size 0', () => {
  expect([[], [5], [2, 3, 4], [2, 0], [0, 4]].map((shape) => sizeOf({ shape }))).toEqual([1, 5, 24, 0, 0]);
  expect([[], [5], [2, 3, 4], [2, 0], [0, 4]].map((shape) => asRows({ shape }))).toEqual([
    { rows: 1, dim: 1 },
    { rows: 1, dim: 5 },
    { rows: 6, dim: 4 },
    { rows: 0, dim: 0 },
    { rows: 0, dim: 4 },
  ]);
});

test('input: the tensor of that name, or an error that names it', () => {
  const x = info(2);
  expect(input({ inputs: { x } }, 'x')).toBe(x);
  expect(() => input({ inputs: { x } }, 'weight')).toThrow('without its input weight');
});

test('takeWanted: the wanted gradients in their order, the others freed', () => {
  const freed: DataId[] = [];
  const backend = { disposeData: (dataId: DataId) => freed.push(dataId) };
  const [x, weight, bias] = [info(1), info(2), info(3)];
  const call = { backend, inputs: {}, attributes: { wanted: ['bias', 'x'] } };
  expect(takeWanted(call, { x, weight, bias })).toEqual([bias, x]);
  expect(freed).toEqual([weight.dataId]);
});
