import { adamWStep, linear, sgdStep, useBackend } from '@formers/backend';
import { add, type Scalar, scalar, type Tensor2D, tidy, type Variable, variable, zeros } from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';

import { randomTensor } from '../../testing/src/index.ts';
import { simd } from '../src/index.ts';
import { runningEngine } from '../src/start.ts';

beforeAll(async () => {
  await useBackend(simd({ threads: 2, maximumBytes: 2 ** 24 }));
});

const live = () => runningEngine()?.figures.live ?? 0;
const product = (x: Tensor2D, w: Tensor2D) => tidy(() => [...linear(x, w).dataSync()]);
const WEIGHT_BYTES = 70 * 96 * 4;

test('a weight is packed at its second product with few rows, gives the same bits, and goes with the weight', () => {
  const [x, w] = [randomTensor<Tensor2D>([8, 96]), randomTensor<Tensor2D>([70, 96], { seed: 1 })];
  const first = product(x, w);
  const before = live();
  expect(product(x, w)).toEqual(first);
  expect(live() - before).toBeGreaterThanOrEqual(WEIGHT_BYTES);
  const kept = live();
  expect(product(x, w)).toEqual(first);
  expect(live()).toBe(kept);
  w.dispose();
  expect(kept - live()).toBeGreaterThanOrEqual(2 * WEIGHT_BYTES);
  x.dispose();
});

test.each(['adamW', 'sgd'])('a step of %s drops what was packed', (optimizer) => {
  const x = randomTensor<Tensor2D>([8, 96]);
  const w = tidy(() => variable(randomTensor<Tensor2D>([70, 96], { seed: 1 }))) as Variable & Tensor2D;
  const moments = [0, 1].map(() => tidy(() => variable(zeros(w.shape)))) as [Variable, Variable];
  const before = [product(x, w), product(x, w), product(x, w)].at(-1) as number[];
  tidy(() => {
    const numbers = { learningRate: 0.1, step: 1, gradientScale: scalar(1) as Scalar };
    const slot = { parameter: w, gradient: randomTensor([70, 96], { seed: 2 }), weightDecay: 0 };
    if (optimizer === 'sgd') sgdStep([slot], numbers);
    else
      adamWStep([{ ...slot, firstMoment: moments[0], secondMoment: moments[1] }], {
        ...{ ...numbers, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
      });
  });
  const after = product(x, w);
  const copy = w.clone();
  const fresh = tidy(() => add(copy, 0)) as Tensor2D;
  expect(after).toEqual(product(x, fresh));
  expect(after).not.toEqual(before);
  for (const tensor of [x, w, copy, fresh, ...moments]) tensor.dispose();
});

test('what is packed makes room when memory is short', () => {
  const x = randomTensor<Tensor2D>([8, 1024]);
  const w = randomTensor<Tensor2D>([1024, 1024]); // 4 MB of 16
  const first = product(x, w);
  for (let i = 0; i < 3; i++) product(x, w);
  const kept = live();
  const large = tidy(() => zeros([6 * 2 ** 18])); // 6 MB, more than there is room for beside the packed weight
  expect(live() - kept).toBeLessThan(6 * 2 ** 20);
  expect(product(x, w)).toEqual(first);
  for (const tensor of [x, w, large]) tensor.dispose();
});
