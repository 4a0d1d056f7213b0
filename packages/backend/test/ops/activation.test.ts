import { type Tensor, tensor1d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectGradients,
  expectOwned,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../../testing/src/index.ts';
import { type Activation, ACTIVATIONS, applyActivation, gelu, geluTanh, silu } from '../../src/index.ts';

useEngineForTests();

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Φ(x) by integrating the normal density (Simpson), to 1e-12. */
function normalCdf(x: number): number {
  const [steps, density] = [2000, (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI)];
  const h = x / steps;
  let sum = density(0) + density(x);
  for (let i = 1; i < steps; i++) sum += density(i * h) * (i % 2 === 0 ? 2 : 4);
  return 0.5 + (sum * h) / 3;
}

/** Each activation as a formula of float64 numbers. */
const FORMULAS: Readonly<Record<Activation, (x: number) => number>> = {
  identity: (x) => x,
  relu: (x) => Math.max(0, x),
  gelu: (x) => x * normalCdf(x),
  geluTanh: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x * sigmoid(x),
  tanh: Math.tanh,
  leakyRelu: (x) => (x < 0 ? 0.01 * x : x),
  mish: (x) => x * Math.tanh(Math.log(1 + Math.exp(x))),
  quickGelu: (x) => x * sigmoid(1.702 * x),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  reluSquared: (x) => Math.max(0, x) ** 2,
  sigmoid,
};

test('every activation has a formula here', () => {
  expect(Object.keys(FORMULAS).toSorted()).toEqual([...ACTIVATIONS].toSorted());
});

describe.each(ACTIVATIONS)('%s', (activation) => {
  const inputs = (): Tensor => tensor1d([-8, -3, -1.5, -0.7, -0.1, 0.1, 0.3, 1.2, 2.9, 5.5, 6.6, 9]); // away from kinks

  test('agrees with its formula', () => {
    expectClose(applyActivation(inputs(), activation), valuesOf(inputs()).map(FORMULAS[activation]), {
      rtol: 2e-5,
      atol: 2e-6,
    });
  });

  test('has the gradient of its formula', () => {
    expectGradients((x: Tensor) => applyActivation(x, activation), [inputs()], { step: 0.02 });
  });

  test('keeps the shape, borrows its input and owns its output', () => {
    const x = randomTensor([2, 3, 4]);
    expect(applyActivation(x, activation).shape).toEqual([2, 3, 4]);
    expectOwned(() => applyActivation(x, activation));
  });
});

test('PyTorch`s numbers', () => {
  const x = tensor1d([-3, -1, -0.5, 0, 0.5, 1, 3]);
  expectClose(gelu(x), [-0.00404969, -0.15865525, -0.15426877, 0, 0.34573123, 0.84134475, 2.99595031]);
  expectClose(geluTanh(x), [-0.00363739, -0.15880801, -0.15428599, 0, 0.34571401, 0.84119199, 2.99636261]);
  expectClose(silu(x), [-0.14227762, -0.26894142, -0.18877033, 0, 0.31122967, 0.73105858, 2.85772238]);
  expectClose(applyActivation(x, 'mish'), [-0.14564746, -0.30340146, -0.22074377, 0, 0.37524521, 0.86509839, 2.986535]);
});

test('large inputs stay finite', () => {
  for (const activation of ACTIVATIONS) {
    expect(valuesOf(applyActivation(tensor1d([-1e4, 1e4]), activation)).every(Number.isFinite), activation).toBe(true);
  }
});
