import { embedding, valueAndGradients } from '@formers/backend';
import { gather, mul, softmax, tensor1d, type Tensor2D, tidy, unsortedSegmentSum } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { randomTensor } from '../../testing/src/index.ts';
import { onBothEngines } from './both-engines.ts';

/** Some ids come a few hundred times, some once, most never. */
const idsOf = (count: number) =>
  Int32Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 7 : i % 3 === 1 ? i % 11 : (i * i) % 90));

/** Gradient of a table of 90 rows. */
async function tableGradient(count: number, dim: number): Promise<Float32Array> {
  const gradient = tidy(() => {
    const weight = randomTensor<Tensor2D>([90, dim], { seed: 1 });
    const ids = tensor1d(idsOf(count), 'int32');
    const outputGradient = randomTensor([count, dim], { seed: 2 });
    return valueAndGradients(() => embedding(weight, ids), [weight], { outputGradient }).gradients[0]!;
  });
  const values = await gradient.data<'float32'>();
  gradient.dispose();
  return values;
}

const largestError = (found: Float32Array, wanted: Float32Array) =>
  wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[i] ?? NaN))), 0);

test.each([
  [512, 8],
  [513, 8],
  [1100, 7],
  [600, 66],
])('embedding: the gradient of %i ids, rows of %i, always with the same bits', async (count, dim) => {
  const run = () => tableGradient(count, dim);
  const { plain, gpu } = await onBothEngines(run);
  expect(gpu.length).toBe(plain.length);
  expect(largestError(gpu, plain)).toBeLessThan(5e-5);
  expect(await run()).toEqual(gpu);
});

test('gather and unsortedSegmentSum; ids out of range are left out', async () => {
  const run = async () => {
    const result = tidy(() => {
      const x = randomTensor([600, 3, 2], { seed: 1 });
      const ids = tensor1d(
        idsOf(600).map((id) => (id > 80 ? -1 : id)),
        'int32',
      );
      return unsortedSegmentSum(x, ids, 81);
    });
    expect(result.shape).toEqual([81, 3, 2]);
    const gradient = tidy(() => {
      const x = randomTensor([40, 5], { seed: 1 });
      const ids = tensor1d([3, 3, 0, 39, 3], 'int32');
      return valueAndGradients(() => gather(x, ids), [x], { outputGradient: randomTensor([5, 5], { seed: 2 }) })
        .gradients[0]!;
    });
    const values = [await result.data<'float32'>(), await gradient.data<'float32'>()];
    for (const tensor of [result, gradient]) tensor.dispose();
    return values as [Float32Array, Float32Array];
  };
  const { plain, gpu } = await onBothEngines(run);
  expect(largestError(gpu[0], plain[0])).toBeLessThan(5e-5);
  expect(largestError(gpu[1], plain[1])).toBeLessThan(1e-6);
  expect(Math.max(...plain[0])).toBeGreaterThan(1);
});

test('softmax: short rows, long rows, large numbers', async () => {
  const run = async () => {
    const results = [[5, 1], [3, 70], [2, 3, 1100]].map((shape) => tidy(() => softmax(mul(randomTensor(shape, { seed: 1 }), 40)))); // prettier-ignore
    const values = await Promise.all(results.map(async (result) => result.data<'float32'>()));
    for (const result of results) result.dispose();
    return values;
  };
  const { plain, gpu } = await onBothEngines(run);
  plain.forEach((values, i) => expect(largestError(gpu[i]!, values)).toBeLessThan(1e-5));
});
