import { vjp } from '@formers/backend';
import { customGrad, exp, keep, mul, scalar, square, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectGradients,
  expectNoLeak,
  expectOwned,
  expectSameBits,
  randomIds,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../src/index.ts';

useEngineForTests();

test('expectClose passes within the tolerance alone, and never NaN or other shapes', () => {
  expectClose(tensor([1, 2]), [1, 2.00001]);
  expect(() => expectClose([1, 2], [1, 2.001])).toThrow('1 of 2 numbers are not close');
  expect(() => expectClose([NaN], [NaN])).toThrow();
  expect(() => expectClose([1], [1, 2])).toThrow();
  expect(() => expectClose(tensor([1, 2]), tensor([[1, 2]]))).toThrow();
  expectClose([Infinity], [Infinity]);
});

test('expectSameBits tells the last bit', () => {
  expectSameBits(tensor([0.1]), Float32Array.of(0.1));
  expect(() => expectSameBits(tensor([0.1]), [0.1])).toThrow(); // 0.1 of float64 is another number
});

test('expectGradients passes a right gradient', () => {
  expectGradients(
    (x: Tensor, y: Tensor) => mul(exp(x), square(y)),
    [randomTensor([3, 4]), randomTensor([3, 4], { seed: 1 })],
  );
});

test.each([
  ['a factor', (dy: Tensor, x: Tensor) => mul(dy, mul(x, 2.02))],
  ['a sign', (dy: Tensor, x: Tensor) => mul(dy, mul(x, -2))],
  ['one wrong number', (dy: Tensor, x: Tensor) => mul(dy, mul(x, tensor([2, 2, 2, 2, 2, 0])))],
])('expectGradients finds %s', (_, gradient) => {
  const wrong = customGrad((x, save) => {
    (save as (tensors: Tensor[]) => void)([x as Tensor]);
    return { value: square(x as Tensor), gradFunc: (dy: Tensor, [saved]: Tensor[]) => gradient(dy, saved as Tensor) };
  });
  expect(() => expectGradients((x: Tensor) => wrong(x), [randomTensor([6])])).toThrow('instead of');
});

test('expectOwned finds what is left, and what was freed', () => {
  const x = tensor([1]);
  expectOwned(() => tidy(() => square(mul(x, 2))));
  expect(() => expectOwned(() => square(mul(x, 2)))).toThrow('tensors made');
  expect(() => expectOwned(() => ({ x }))).toThrow('tensors made');
});

test('expectNoLeak finds what is kept, after errors too', async () => {
  await expectNoLeak(() => scalar(1).dispose());
  let kept: Tensor | undefined;
  await expect(expectNoLeak(() => void (kept = keep(scalar(1))))).rejects.toThrow('left');
  kept?.dispose();
});

test('expectError looks at the code, the text and what is left', async () => {
  const error = Object.assign(new Error('x must be [2]'), { code: 'shape' });
  const fail = (): never => {
    throw error;
  };
  await expectError(fail, { code: 'shape', message: 'must be' });
  await expect(expectError(fail, { code: 'config', message: '' })).rejects.toThrow();
  await expect(expectError(() => undefined, { code: 'shape', message: '' })).rejects.toThrow();
});

test('random tensors depend on their seed', () => {
  expectSameBits(randomTensor([5]), randomTensor([5]));
  expect(valuesOf(randomTensor([5]))).not.toEqual(valuesOf(randomTensor([5], { seed: 1 })));
  expect(new Set(valuesOf(randomIds([100], { bound: 3 })))).toEqual(new Set([0, 1, 2]));
});

test('gradients of helpers run on the started engine', () => {
  const x = tensor([3]);
  expectClose(vjp(() => sum(square(x)), [x], scalar(1))[0] as Tensor, [6]);
});
