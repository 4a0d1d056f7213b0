import { lionStep, muonStep, normalValues, randomKey } from '@formers/backend';
import { type Scalar, scalar, tensor, type Tensor2D, tensor2d, variable, zeros } from '@tensorflow/tfjs-core';
import { test } from 'vitest';

import { expectClose, expectSameBits, readValues } from '../close.ts';
import { multiply64 } from './array64.ts';

/** Lion in place, on tensors of odd sizes. */
export function lionTests(): void {
  test('lionStep: three steps on several tensors, as in float64', async () => {
    const numbers = { learningRate: 0.1, beta1: 0.8, beta2: 0.95 };
    const slots = [1, 7, 8, 197, 1025].map((size, i) => {
      const values = normalValues(randomKey(i, 'parameter'), size);
      return {
        ...{ parameter: variable(tensor(values)), momentum: variable(zeros([size])), weightDecay: i % 2 ? 0.1 : 0 },
        ...{ size, expected: Float64Array.from(values), moment: new Float64Array(size) },
      };
    });
    for (let step = 1; step <= 3; step++) {
      const gradients = slots.map(({ size }, i) => normalValues(randomKey(step * 10 + i, 'gradient'), size));
      lionStep(
        slots.map((slot, i) => ({ ...slot, gradient: tensor(gradients[i] as Float32Array) })),
        { ...numbers, gradientScale: scalar(0.5) as Scalar },
      );
      slots.forEach(({ expected, moment, weightDecay }, i) => {
        gradients[i]?.forEach((gradient, j) => {
          const m = moment[j] as number;
          const direction = Math.sign(0.8 * m + 0.2 * (0.5 * gradient));
          expected[j] = (expected[j] as number) * (1 - 0.1 * weightDecay) - 0.1 * direction;
          moment[j] = 0.95 * m + 0.05 * (0.5 * gradient);
        });
      });
    }
    for (const { parameter, momentum, expected, moment } of slots) {
      expectClose(await readValues(parameter), expected, { rtol: 1e-5, atol: 1e-6 });
      expectClose(await readValues(momentum), moment, { rtol: 1e-5, atol: 1e-6 });
      for (const owned of [parameter, momentum]) owned.dispose();
    }
  });

  test('lionStep: a negative scale changes nothing', async () => {
    const [parameter, momentum] = [variable(tensor([1, 2, 3])), variable(tensor([4, 5, 6]))];
    lionStep([{ parameter, momentum, gradient: tensor([Number.NaN, 1, 1]), weightDecay: 0.1 }], {
      ...{ learningRate: 0.1, beta1: 0.9, beta2: 0.99, gradientScale: scalar(-1) as Scalar },
    });
    expectSameBits(await readValues(parameter), [1, 2, 3]);
    expectSameBits(await readValues(momentum), [4, 5, 6]);
    for (const owned of [parameter, momentum]) owned.dispose();
  });
}

/** Wide, tall, square, with one row, around the sizes of tiles. */
const MATRICES = [[1, 1], [1, 6], [7, 1], [3, 5], [8, 8], [65, 33], [31, 70]] as const; // prettier-ignore

/** A matrix with singular values of about 1 (Jordan 2024), in float64. */
function orthogonal64(x: Float64Array, [rows, columns]: readonly [number, number]): Float64Array {
  const norm = Math.max(1e-7, Math.hypot(...x));
  let now = x.map((value) => value / norm);
  for (let i = 0; i < 5; i++) {
    const square = { rows, columns: rows };
    const gram = multiply64(now, now, { ...square, depth: columns, transposeB: true });
    const twice = multiply64(gram, gram, { ...square, depth: rows });
    const polynomial = gram.map((value, j) => -4.775 * value + 2.0315 * (twice[j] as number));
    const moved = multiply64(polynomial, now, { rows, columns, depth: rows });
    now = now.map((value, j) => 3.4445 * value + (moved[j] as number));
  }
  return now;
}

/** Muon in place. */
export function muonTests(): void {
  test.each([true, false])(
    'muonStep: three steps on several matrices, Nesterov %s, as in float64',
    async (nesterov) => {
      const runs = MATRICES.map((shape, i) => {
        const size = shape[0] * shape[1];
        const values = normalValues(randomKey(i, 'parameter'), size);
        const owned = {
          parameter: variable(tensor2d(values, [...shape])),
          momentumBuffer: variable(zeros([...shape])),
        };
        const slot = { ...owned, weightDecay: i % 2 ? 0.1 : 0, rateFactor: 1 + i / 4 };
        return { shape, size, slot, expected: Float64Array.from(values), buffer: new Float64Array(size) };
      });
      for (let step = 1; step <= 3; step++) {
        const gradients = runs.map(({ size }, i) => normalValues(randomKey(step * 10 + i, 'gradient'), size));
        muonStep(
          runs.map(({ slot, shape }, i) => ({ ...slot, gradient: tensor(gradients[i] as Float32Array, [...shape]) as Tensor2D })), // prettier-ignore
          { ...{ learningRate: 0.1, momentum: 0.9, nesterov, iterations: 5 }, gradientScale: scalar(0.5) as Scalar },
        );
        runs.forEach(({ shape, expected, buffer, slot: { weightDecay, rateFactor } }, i) => {
          const scaled = Float64Array.from(gradients[i] as Float32Array, (gradient) => 0.5 * gradient);
          scaled.forEach((g, j) => (buffer[j] = 0.9 * (buffer[j] as number) + 0.1 * g));
          const direction = nesterov ? buffer.map((next, j) => 0.9 * next + 0.1 * (scaled[j] as number)) : buffer;
          orthogonal64(direction, shape).forEach((update, j) => {
            expected[j] = (expected[j] as number) * (1 - 0.1 * weightDecay) - 0.1 * rateFactor * update;
          });
        });
      }
      for (const { slot, expected, buffer } of runs) {
        expectClose(await readValues(slot.parameter), expected, { rtol: 2e-5, atol: 2e-5 });
        expectClose(await readValues(slot.momentumBuffer), buffer, { rtol: 1e-5, atol: 1e-6 });
        for (const owned of [slot.parameter, slot.momentumBuffer]) owned.dispose();
      }
    },
  );

  test('muonStep: a negative scale changes nothing', async () => {
    const [parameter, momentumBuffer] = [variable(tensor2d([[1, 2]])), variable(tensor2d([[3, 4]]))];
    const gradient = tensor2d([[Number.NaN, 1]]);
    muonStep([{ parameter, momentumBuffer, gradient, weightDecay: 0.1, rateFactor: 1 }], {
      ...{ learningRate: 0.1, momentum: 0.9, nesterov: true, iterations: 5, gradientScale: scalar(-1) as Scalar },
    });
    expectSameBits(await readValues(parameter), [1, 2]);
    expectSameBits(await readValues(momentumBuffer), [3, 4]);
    for (const owned of [parameter, momentumBuffer]) owned.dispose();
  });
}
