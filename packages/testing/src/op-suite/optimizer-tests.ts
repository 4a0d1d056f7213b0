import { adamWStep, globalNorm, normalValues, randomKey } from '@formers/backend';
import { scalar, type Scalar, tensor, type Variable, variable } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, expectSameBits, readValues } from '../close.ts';

const NUMBERS = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 };

/** AdamW in place and the global norm, on tensors of odd sizes and of more than one chunk. */
export function optimizerTests(): void {
  test.each([
    ['', false],
    [' by the largest second moment so far', true],
  ])('adamWStep: three steps on several tensors%s, as in float64', async (_, amsgrad) => {
    const sizes = [1, 7, 8, 197, 16_385];
    const slots = sizes.map((size, i) => {
      const values = normalValues(randomKey(i, 'parameter'), size);
      return {
        parameter: variable(tensor(values)),
        firstMoment: variable(tensor(new Float32Array(size))),
        secondMoment: variable(tensor(new Float32Array(size))),
        // Some begin above what the second moments come to.
        maxSecondMoment: amsgrad ? variable(tensor(values.map((value) => value ** 2 / 10))) : undefined,
        weightDecay: i % 2 ? 0.1 : 0,
        values,
      };
    });
    const expected = slots.map(({ values }) => ({
      largest: Float64Array.from(values, (value) => Math.fround(value ** 2 / 10)),
      p: Float64Array.from(values),
      m: new Float64Array(values.length),
      v: new Float64Array(values.length),
    }));
    for (let step = 1; step <= 3; step++) {
      const gradients = sizes.map((size, i) => normalValues(randomKey(step * 10 + i, 'gradient'), size));
      adamWStep(
        slots.map((slot, i) => ({ ...slot, gradient: tensor(gradients[i] as Float32Array) })),
        { ...NUMBERS, step, gradientScale: scalar(0.5) as Scalar },
      );
      expected.forEach(({ largest, p, m, v }, i) => {
        for (let j = 0; j < p.length; j++) {
          const g = 0.5 * ((gradients[i] as Float32Array)[j] as number);
          m[j] = NUMBERS.beta1 * (m[j] as number) + (1 - NUMBERS.beta1) * g;
          v[j] = NUMBERS.beta2 * (v[j] as number) + (1 - NUMBERS.beta2) * g * g;
          largest[j] = Math.max(largest[j] as number, v[j] as number);
          const second = (amsgrad ? largest : v)[j] as number;
          const update =
            (m[j] as number) /
            (1 - NUMBERS.beta1 ** step) /
            (Math.sqrt(second / (1 - NUMBERS.beta2 ** step)) + NUMBERS.epsilon);
          p[j] =
            (p[j] as number) * (1 - NUMBERS.learningRate * (slots[i]?.weightDecay ?? 0)) -
            NUMBERS.learningRate * update;
        }
      });
    }
    for (const [i, { parameter, firstMoment, secondMoment, maxSecondMoment }] of slots.entries()) {
      expectClose(await readValues(parameter), expected[i]?.p as Float64Array, { rtol: 1e-5, atol: 1e-6 });
      if (maxSecondMoment)
        expectClose(await readValues(maxSecondMoment), expected[i]?.largest as Float64Array, {
          rtol: 1e-5,
          atol: 1e-6,
        });
      for (const owned of [parameter, firstMoment, secondMoment, maxSecondMoment]) owned?.dispose();
    }
  });

  test('adamWStep: a negative scale changes nothing', async () => {
    const owned = [1, 2, 3, 4].map((value) => variable(tensor([value, value + 1])));
    const [parameter, firstMoment, secondMoment, maxSecondMoment] = owned as [Variable, Variable, Variable, Variable];
    const slot = { parameter, firstMoment, secondMoment, gradient: tensor([Number.NaN, 1]), weightDecay: 0.1 };
    for (const slots of [[slot], [{ ...slot, maxSecondMoment }]])
      adamWStep(slots, { ...NUMBERS, step: 1, gradientScale: scalar(-1) as Scalar });
    for (const [i, variable] of owned.entries()) expectSameBits(await readValues(variable), [i + 1, i + 2]);
    for (const variable of owned) variable.dispose();
  });

  test('adamWStep: data that a clone shares stays as it is', async () => {
    const owned = [1, 0, 0].map((value) => variable(tensor([value])));
    const [parameter, firstMoment, secondMoment] = owned as [(typeof owned)[0], (typeof owned)[0], (typeof owned)[0]];
    const before = parameter.clone();
    adamWStep([{ parameter, firstMoment, secondMoment, gradient: tensor([1]), weightDecay: 0 }], {
      ...NUMBERS,
      step: 1,
      gradientScale: scalar(1) as Scalar,
    });
    expectSameBits(await readValues(before), [1]);
    expectClose(await readValues(parameter), [0.99]);
    for (const variable of owned) variable.dispose();
  });

  test('globalNorm: several tensors, as in float64', async () => {
    const values = [1, 9, 20_000].map((size, i) => normalValues(randomKey(i, 'norm'), size));
    const total = values.reduce((sum, list) => sum + list.reduce((squares, value) => squares + value * value, 0), 0);
    expectClose(await readValues(globalNorm(values.map((list) => tensor(list)))), [Math.sqrt(total)]);
    expect(await readValues(globalNorm([tensor([Number.NaN, 1])]))).toEqual([Number.NaN]);
  });
}
