/** What test/threads.browser.test.ts runs inside of a worker: a small network that learns to add. */
import { adamWStep, gradientScale, globalNorm, linear, useBackend, valueAndGradients } from '@formers/backend';
import {
  keep,
  mean,
  randomNormal,
  type Scalar,
  square,
  sub,
  sum,
  type Tensor2D,
  tidy,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';

import { simd } from '../src/index.ts';

const { threads } = await useBackend(simd({ threads: 2 }));
const [hidden, output] = [
  [256, 64],
  [1, 256],
].map((shape) => variable(tidy(() => randomNormal(shape, 0, 0.1)))) as [
  ReturnType<typeof variable>,
  ReturnType<typeof variable>,
];
const slots = [hidden, output].map((parameter) => ({
  parameter,
  firstMoment: variable(zeros(parameter.shape)),
  secondMoment: variable(zeros(parameter.shape)),
  weightDecay: 0,
}));
const inputs = keep(randomNormal([4096, 64]) as Tensor2D);
const targets = keep(tidy(() => sum(inputs, 1, true)));

function train(step: number): number {
  return tidy(() => {
    const { value, gradients } = valueAndGradients(
      () =>
        mean(
          square(sub(linear(linear(inputs, hidden as never, { activation: 'geluTanh' }), output as never), targets)),
        ) as Scalar,
      [hidden, output],
    );
    adamWStep(
      slots.map((slot, i) => ({ ...slot, gradient: gradients[i] as Tensor2D })),
      {
        learningRate: 0.01,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-8,
        step,
        gradientScale: gradientScale(globalNorm(gradients)),
      },
    );
    return value.dataSync()[0] as number;
  });
}

globalThis.addEventListener('message', () => {
  const losses = Array.from({ length: 30 }, (_, i) => train(i + 1));
  globalThis.postMessage({ losses });
});
globalThis.postMessage({ threads });
