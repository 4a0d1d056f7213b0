import fc from 'fast-check';
import {
  add,
  type Tensor,
  type Tensor1D,
  tensor1d,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  zeros,
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
} from '../../../testing/src/index.ts';
import { ACTIVATIONS, applyActivation, linear } from '../../src/index.ts';

useEngineForTests();

test('by hand', () => {
  const x = tensor2d([[1, 2, 3]]);
  const weight = tensor2d([
    [1, 0, -1],
    [2, 1, 0],
  ]); // [outDim, inDim]
  expectSameBits(linear(x, weight), [-2, 4]);
  expectSameBits(linear(x, weight, { bias: tensor1d([10, 20]) }), [8, 24]);
  expectSameBits(linear(x, weight, { activation: 'relu', residual: tensor2d([[100, 200]]) }), [100, 204]); // the residual comes after
});

test('agrees with a float64 product for any shape', () => {
  const size = fc.integer({ min: 1, max: 7 });
  fc.assert(
    fc.property(fc.array(size, { maxLength: 3 }), size, size, fc.nat(100), (outer, inDim, outDim, seed) => {
      const shape = [...outer, inDim];
      const [x, weight, bias] = [
        randomTensor(shape, { seed }),
        randomTensor<Tensor2D>([outDim, inDim], { seed }),
        randomTensor<Tensor1D>([outDim], { seed }),
      ];
      const [xs, ws, bs] = [x, weight, bias].map((tensor) => valuesOf(tensor)) as [number[], number[], number[]];
      const expected: number[] = [];
      for (let row = 0; row < xs.length / inDim; row++) {
        for (let out = 0; out < outDim; out++) {
          let sum = bs[out]!;
          for (let i = 0; i < inDim; i++) sum += xs[row * inDim + i]! * ws[out * inDim + i]!;
          expected.push(sum);
        }
      }
      const y = linear(x, weight, { bias });
      expect(y.shape).toEqual([...outer, outDim]);
      expectClose(y, expected, { atol: 1e-5 });
    }),
    { numRuns: 60 },
  );
});

const x = (): Tensor3D => randomTensor<Tensor3D>([2, 3, 4]);
const weight = (): Tensor2D => randomTensor<Tensor2D>([5, 4], { seed: 1 });
const bias = (): Tensor1D => randomTensor<Tensor1D>([5], { seed: 2 });
const residual = (): Tensor3D => randomTensor<Tensor3D>([2, 3, 5], { seed: 3 });

describe.each(ACTIVATIONS)('with %s', (activation) => {
  test('is the activation of the product, plus the residual', () => {
    const expected = add(applyActivation(linear(x(), weight(), { bias: bias() }), activation), residual());
    expectSameBits(linear(x(), weight(), { bias: bias(), activation, residual: residual() }), expected);
  });

  test('owns its output', () => {
    const [input, options] = [x(), { bias: bias(), activation, residual: residual() }];
    const matrix = weight();
    expectOwned(() => linear(input, matrix, options));
    expectOwned(() => linear(input, matrix, { activation }));
  });
});

test.each([undefined, 'gelu', 'geluTanh', 'silu', 'tanh', 'quickGelu'] as const)(
  'gradients of all inputs, activation %s',
  (activation) => {
    const f = (...[input, matrix, shift, rest]: [Tensor, Tensor2D, Tensor1D, Tensor]): Tensor =>
      linear(input, matrix, { bias: shift, activation, residual: rest });
    expectGradients(f, [x(), weight(), bias(), residual()]);
  },
);

test.each<[string, () => Tensor[], string]>([
  ['x', () => [zeros([2, 3])], 'linear: x must be [..., 4], got [2, 3]'],
  ['rank of x', () => [zeros([])], 'linear: x must be [..., 4], got []'],
  ['bias', () => [zeros([1, 4]), zeros([4])], 'linear: bias must be [5], got [4]'],
  ['residual', () => [zeros([2, 4]), zeros([5]), zeros([2, 4])], 'linear: residual must be [2, 5], got [2, 4]'],
])('a wrong %s is told', async (_, make, message) => {
  const [input, shift, rest] = make();
  const matrix = weight();
  await expectError(() => linear(input!, matrix, { bias: shift as Tensor1D | undefined, residual: rest }), {
    code: 'shape',
    message,
  });
});
