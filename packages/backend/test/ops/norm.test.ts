import { add, mul, type Tensor, type Tensor1D, tensor1d, tensor2d, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectGradients,
  expectOwned,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../../testing/src/index.ts';
import { layerNorm, rmsNorm } from '../../src/index.ts';

useEngineForTests();

const dim = 6;
const x = (): Tensor => randomTensor([2, 3, dim]);
const weight = (): Tensor1D => randomTensor<Tensor1D>([dim], { seed: 1 });
const bias = (): Tensor1D => randomTensor<Tensor1D>([dim], { seed: 2 });

/** Rows of the last axis, in float64. */
function rowsOf(tensor: Tensor): number[][] {
  const values = valuesOf(tensor);
  return Array.from({ length: values.length / dim }, (_, i) => values.slice(i * dim, (i + 1) * dim));
}

const meanOf = (row: number[]): number => row.reduce((sum, value) => sum + value, 0) / row.length;
const squaresOf = (row: number[]): number => meanOf(row.map((value) => value ** 2));

test('PyTorch`s numbers', () => {
  const [row, gain] = [tensor2d([[1, 2, 4, 8]]), tensor1d([1, 2, 3, 4])];
  expectClose(
    layerNorm(row, { weight: gain, bias: tensor1d([0.1, 0.2, 0.3, 0.4]) }),
    [-0.92575458, -1.10550582, 0.57975125, 6.74102828],
  );
  expectClose(rmsNorm(row, { weight: gain }), [0.21693045, 0.86772181, 2.60316543, 6.94177449]);
});

describe.each([1e-5, 1e-12, 0.5])('epsilon %d', (epsilon) => {
  test('layerNorm agrees with its formula', () => {
    const [gain, shift] = [valuesOf(weight()), valuesOf(bias())];
    const expected = rowsOf(x()).map((row) => {
      const [mean, variance] = [meanOf(row), squaresOf(row) - meanOf(row) ** 2];
      return row.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * gain[i]! + shift[i]!);
    });
    expectClose(layerNorm(x(), { weight: weight(), bias: bias(), epsilon }), expected);
  });

  test('rmsNorm agrees with its formula', () => {
    const gain = valuesOf(weight());
    const expected = rowsOf(x()).map((row) =>
      row.map((value, i) => (value / Math.sqrt(squaresOf(row) + epsilon)) * gain[i]!),
    );
    expectClose(rmsNorm(x(), { weight: weight(), epsilon }), expected);
  });
});

test('the defaults: 1e-5 for layerNorm and no shift, 1e-6 for rmsNorm', () => {
  const small = mul(x(), 1e-3);
  expectClose(
    layerNorm(small, { weight: weight() }),
    layerNorm(small, { weight: weight(), bias: zeros([dim]), epsilon: 1e-5 }),
  );
  expectClose(rmsNorm(small, { weight: weight() }), rmsNorm(small, { weight: weight(), epsilon: 1e-6 }));
});

test('layerNorm has zero mean and unit variance before the gain, and does not see shift and scale of its input', () => {
  const plain = layerNorm(x(), { weight: tensor1d(new Array<number>(dim).fill(1)) });
  for (const row of rowsOf(plain)) {
    expectClose(meanOf(row), 0, { atol: 1e-6 });
    expectClose(squaresOf(row), 1, { rtol: 1e-4 });
  }
  expectClose(
    layerNorm(add(mul(x(), 30), 7), { weight: weight(), bias: bias() }),
    layerNorm(x(), { weight: weight(), bias: bias() }),
    { rtol: 1e-3, atol: 5e-5 },
  );
});

test('rmsNorm does not see scale, but sees shift', () => {
  expectClose(rmsNorm(mul(x(), 30), { weight: weight() }), rmsNorm(x(), { weight: weight() }), { rtol: 1e-4 });
  const [shifted, plain] = [
    valuesOf(rmsNorm(add(x(), 1), { weight: weight() })),
    valuesOf(rmsNorm(x(), { weight: weight() })),
  ];
  expect(Math.max(...shifted.map((value, i) => Math.abs(value - plain[i]!)))).toBeGreaterThan(0.1);
});

test('rows do not see each other', () => {
  const both = valuesOf(layerNorm(x(), { weight: weight() }));
  const alone = valuesOf(layerNorm(tensor2d([rowsOf(x())[4]!]), { weight: weight() }));
  expect(both.slice(4 * dim, 5 * dim)).toEqual(alone);
});

test('a constant row gives the shift, and finite gradients', () => {
  const constant = tensor2d([new Array<number>(dim).fill(3)]);
  expectClose(layerNorm(constant, { weight: weight(), bias: bias() }), valuesOf(bias()));
  expectGradients(
    (gain: Tensor1D, shift: Tensor1D) => layerNorm(constant, { weight: gain, bias: shift }),
    [weight(), bias()],
  );
});

test('gradients of all inputs', () => {
  expectGradients(
    (...[input, gain, shift]: [Tensor, Tensor1D, Tensor1D]) => layerNorm(input, { weight: gain, bias: shift }),
    [x(), weight(), bias()],
  );
  expectGradients((...[input, gain]: [Tensor, Tensor1D]) => layerNorm(input, { weight: gain }), [x(), weight()]);
  expectGradients((...[input, gain]: [Tensor, Tensor1D]) => rmsNorm(input, { weight: gain }), [x(), weight()]);
});

test('own their output', () => {
  const [input, gain, shift] = [x(), weight(), bias()];
  expectOwned(() => layerNorm(input, { weight: gain, bias: shift }));
  expectOwned(() => rmsNorm(input, { weight: gain }));
});

test('wrong shapes are told', async () => {
  const [input, short] = [x(), zeros([dim - 1]) as Tensor1D];
  const gain = weight();
  await expectError(() => layerNorm(input, { weight: short }), {
    code: 'shape',
    message: 'layerNorm: weight must be [6], got [5]',
  });
  await expectError(() => layerNorm(input, { weight: gain, bias: short }), {
    code: 'shape',
    message: 'layerNorm: bias must be [6], got [5]',
  });
  await expectError(() => rmsNorm(input, { weight: short }), {
    code: 'shape',
    message: 'rmsNorm: weight must be [6], got [5]',
  });
});
