import { normalValues, randomKey, type SGDNumbers, sgdStep } from '@formers/backend';
import { type Scalar, scalar, tensor, variable, zeros } from '@tensorflow/tfjs-core';
import { test } from 'vitest';

import { expectClose, expectSameBits, readValues } from '../close.ts';

const VARIANTS: readonly Pick<SGDNumbers, 'momentum' | 'dampening' | 'nesterov'>[] = [
  {},
  { momentum: 0.9 },
  { momentum: 0.8, dampening: 0.3 },
  { momentum: 0.7, nesterov: true },
];

/** SGD in place, on tensors of odd sizes and of more than one chunk. */
export function sgdTests(): void {
  test.each(VARIANTS)('sgdStep %j: three steps, as in float64', async (options) => {
    const { momentum = 0, dampening = 0, nesterov = false } = options;
    const sizes = [1, 7, 8, 9, 197, 16_385];
    const slots = sizes.map((size, i) => {
      const values = normalValues(randomKey(i, 'parameter'), size);
      return {
        parameter: variable(tensor(values)),
        momentumBuffer: momentum > 0 ? variable(zeros([size])) : undefined,
        weightDecay: i % 2 ? 0.1 : 0,
        expected: Float64Array.from(values),
        buffer: new Float64Array(size),
      };
    });
    for (let step = 1; step <= 3; step++) {
      const gradients = sizes.map((size, i) => normalValues(randomKey(step * 10 + i, 'gradient'), size));
      sgdStep(
        slots.map((slot, i) => ({ ...slot, gradient: tensor(gradients[i] as Float32Array) })),
        { ...options, learningRate: 0.1, step, gradientScale: scalar(0.5) as Scalar },
      );
      slots.forEach(({ expected, buffer, weightDecay }, i) => {
        gradients[i]?.forEach((gradient, j) => {
          const p = expected[j] as number;
          const d = 0.5 * gradient + weightDecay * p;
          buffer[j] = step === 1 ? d : momentum * (buffer[j] as number) + (1 - dampening) * d;
          const direction =
            momentum === 0 ? d : nesterov ? d + momentum * (buffer[j] as number) : (buffer[j] as number);
          expected[j] = p - 0.1 * direction;
        });
      });
    }
    for (const { parameter, momentumBuffer, expected, buffer } of slots) {
      expectClose(await readValues(parameter), expected, { rtol: 1e-5, atol: 1e-6 });
      if (momentumBuffer) expectClose(await readValues(momentumBuffer), buffer, { rtol: 1e-5, atol: 1e-6 });
      for (const owned of [parameter, momentumBuffer]) owned?.dispose();
    }
  });

  test('sgdStep: a negative scale changes nothing, and neither does a step what a clone shares', async () => {
    const owned = [1, 2].map((value) => variable(tensor([value, value + 1])));
    const [parameter, momentumBuffer] = owned as [(typeof owned)[0], (typeof owned)[0]];
    const before = parameter.clone();
    const step = (gradientScale: number) =>
      sgdStep([{ parameter, momentumBuffer, gradient: tensor([1, 1]), weightDecay: 0.1 }], {
        learningRate: 0.1,
        momentum: 0.9,
        step: 2,
        gradientScale: scalar(gradientScale) as Scalar,
      });
    step(-1);
    expectSameBits(await readValues(parameter), [1, 2]);
    expectSameBits(await readValues(momentumBuffer), [2, 3]);
    step(1);
    expectSameBits(await readValues(before), [1, 2]);
    expectClose(await readValues(momentumBuffer), [0.9 * 2 + 1.1, 0.9 * 3 + 1.2]);
    for (const variable of owned) variable.dispose();
  });
}
