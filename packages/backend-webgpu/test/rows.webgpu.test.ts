import { embedding, useBackend, valueAndGradients } from '@formers/backend';
import { engine, gather, mul, softmax, tensor1d, type Tensor2D, tidy, unsortedSegmentSum } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { randomTensor } from '../../testing/src/index.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { onBothEngines } from './both-engines.ts';
import { dawn } from './dawn.ts';

/** Some ids come a few hundred times, some once, most never. */
const idsOf = (count: number) =>
  Int32Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 7 : i % 3 === 1 ? i % 11 : (i * i) % 90));

/** Gradient of a table, and what it should be. */
async function tableGradient(count: number, [vocab, dim]: readonly [number, number]) {
  const ids = idsOf(count);
  const outputGradient = randomTensor([count, dim], { seed: 2 });
  const wanted = new Float32Array(vocab * dim);
  const rows = await outputGradient.data<'float32'>();
  rows.forEach((value, i) => (wanted[ids[Math.floor(i / dim)]! * dim + (i % dim)]! += value));
  const gradient = tidy(() => {
    const weight = randomTensor<Tensor2D>([vocab, dim], { seed: 1 });
    return valueAndGradients(() => embedding(weight, tensor1d(ids, 'int32')), [weight], { outputGradient })
      .gradients[0]!;
  });
  expect(gradient.shape).toEqual([vocab, dim]);
  const found = await gradient.data<'float32'>();
  for (const tensor of [gradient, outputGradient]) tensor.dispose();
  return { found, wanted };
}

const largestError = (found: Float32Array, wanted: Float32Array) =>
  wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[i] ?? NaN))), 0);

/** Fewer ids than threads, as many, more; rows of one workgroup and of several; few kinds of ids, which are added up by blocks; more kinds than two digits tell apart. */
test.each([
  [255, [90, 8]],
  [256, [90, 8]],
  [1100, [90, 7]],
  [600, [90, 260]],
  [600, [90, 66]],
  [5761, [90, 5]],
  [300, [5000, 3]],
] as const)('embedding: the gradient of %i ids in a table of %j, always with the same bits', async (count, table) => {
  await useBackend(webgpu({ gpu: await dawn() }));
  const { found, wanted } = await tableGradient(count, table);
  expect(largestError(found, wanted)).toBeLessThan(count * 1e-7);
  expect((await tableGradient(count, table)).found).toEqual(found);
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

const SOFTMAX_SHAPES = [[5, 1], [3, 70], [2, 3, 1100]]; // prettier-ignore

test('softmax: short rows, long rows, large numbers', async () => {
  const run = async () => {
    const results = SOFTMAX_SHAPES.map((shape) => tidy(() => softmax(mul(randomTensor(shape, { seed: 1 }), 40))));
    const values = await Promise.all(results.map(async (result) => result.data<'float32'>()));
    for (const result of results) result.dispose();
    return values;
  };
  const { plain, gpu } = await onBothEngines(run);
  plain.forEach((values, i) => expect(largestError(gpu[i]!, values)).toBeLessThan(1e-5));
});

test('softmax: its gradient is one dispatch', async () => {
  const run = async () => {
    const made = SOFTMAX_SHAPES.map((shape) => {
      const [x, outputGradient] = [randomTensor(shape, { seed: 1 }), randomTensor(shape, { seed: 2 })];
      return tidy(() => valueAndGradients(() => softmax(x), [x], { outputGradient }).gradients[0]!);
    });
    return Promise.all(made.map(async (gradient) => gradient.data<'float32'>()));
  };
  const { plain, gpu } = await onBothEngines(run);
  plain.forEach((values, i) => expect(largestError(gpu[i]!, values)).toBeLessThan(1e-6));
  expect(Math.max(...plain[1]!)).toBeGreaterThan(0.01);
  const { figures } = engine().backend as unknown as FormersWebGPUBackend;
  const before = figures.dispatches;
  await run();
  expect(figures.dispatches - before).toBe(2 * SOFTMAX_SHAPES.length);
});
