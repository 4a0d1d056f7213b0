import { adamWStep, normalValues, randomKey, stepValues } from '@formers/backend';
import { mul, scalar, type Tensor1D, tensor, variable } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { onBothEngines } from './both-engines.ts';

const SIZES = [1, 7, 1024, 16_385];

/** Four steps with clipping, the second of them not finite, and after the first a parameter that gets new values from elsewhere. */
async function steps() {
  const made = SIZES.map((size, i) => {
    const zeros = () => variable(tensor(new Float32Array(size)));
    const parameter = variable(tensor(normalValues(randomKey(i, 'parameter'), size)));
    return { parameter, firstMoment: zeros(), secondMoment: zeros(), weightDecay: i % 2 ? 0.1 : 0 };
  });
  const results: Float32Array[] = [];
  let previous: Tensor1D | undefined;
  for (let step = 1; step <= 4; step++) {
    const gradients = SIZES.map((size, i) => {
      const values = normalValues(randomKey(10 * step + i, 'gradient'), size);
      if (step === 2 && i === 3) values[16_384] = Number.NaN;
      return tensor(values);
    });
    const losses = [scalar(1.5), scalar(step)];
    const { values, gradientScale } = stepValues(gradients, { losses, share: 0.5, clipNorm: 3, previous });
    previous = step === 1 || step === 3 ? values : undefined; // a step after one that wasn't finite may be told to change nothing
    adamWStep(
      made.map((slot, i) => ({ ...slot, gradient: gradients[i]! })),
      { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, step, gradientScale },
    );
    if (step === 1) made[2]!.parameter.assign(mul(made[2]!.parameter, 0.5));
    results.push(await values.data<'float32'>(), await gradientScale.data<'float32'>());
    for (const { parameter, secondMoment } of made)
      results.push(await parameter.data<'float32'>(), await secondMoment.data<'float32'>());
  }
  for (const slot of made) for (const owned of [slot.parameter, slot.firstMoment, slot.secondMoment]) owned.dispose();
  return results;
}

test('norm, clipping, finiteness and AdamW over several tensors: as on the CPU', async () => {
  const { plain, gpu } = await onBothEngines(steps);
  expect(gpu).toHaveLength(plain.length);
  expect([...gpu[10]!.subarray(1)]).toEqual([-1, 1.5, 2]); // the second step
  expect(gpu[12]).toEqual(gpu[2]); // left its parameters as they were
  plain.forEach((wanted, i) => {
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value) || 0), 1e-3); // the norm of the second step is NaN
    const errors = [...wanted].map((value, j) => (Number.isNaN(value) ? 0 : Math.abs(value - gpu[i]![j]!)));
    const worst = errors.reduce((most, error) => Math.max(most, error));
    expect(worst / largest, `result ${i}`).toBeLessThan(1e-6);
  });
});
