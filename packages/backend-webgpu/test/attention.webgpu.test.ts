import { attend, type AttendOptions, valueAndGradients, withDropout } from '@formers/backend';
import { engine, greater, type Tensor, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { randomTensor } from '../../testing/src/index.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { leastGPU, onBothEngines } from './both-engines.ts';

interface Sizes {
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly valueDim?: number;
}

/** The result and the gradients of q, k and v on the active engine. */
async function attended(
  { heads = 2, kvHeads = heads, queries, keys, headDim, valueDim = headDim }: Sizes,
  options: (shape: number[]) => AttendOptions,
): Promise<Float32Array[]> {
  const tensors = tidy(() => {
    const inputs = [
      randomTensor<Tensor4D>([2, heads, queries, headDim], { seed: 1 }),
      randomTensor<Tensor4D>([2, kvHeads, keys, headDim], { seed: 2 }),
      randomTensor<Tensor4D>([2, kvHeads, keys, valueDim], { seed: 3 }),
    ] as const;
    const given = options([2, heads, queries, keys]);
    const { value, gradients } = valueAndGradients(
      () => withDropout({ seed: 1, step: 1 }, () => attend(...inputs, given)),
      [...inputs, ...(given.bias ? [given.bias] : [])],
      { outputGradient: randomTensor([2, heads, queries, valueDim], { seed: 4 }) },
    );
    return [value, ...gradients] as Tensor[];
  });
  const values = await Promise.all(tensors.map((tensor) => tensor.data<'float32'>()));
  for (const tensor of tensors) tensor.dispose();
  return values;
}

function expectNear(found: readonly Float32Array[], wanted: readonly Float32Array[]): void {
  expect(found.length).toBe(wanted.length);
  wanted.forEach((values, i) => {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(found[i]?.length).toBe(values.length);
    const error = values.reduce((most, value, j) => Math.max(most, Math.abs(value - (found[i]?.[j] ?? NaN))), 0);
    expect(error / largest, `output ${i}`).toBeLessThan(1e-5);
    expect(largest).toBeGreaterThan(0.01);
  });
}

const masked = ([batch = 1, , queries = 1, keys = 1]: number[]) => ({
  mask: greater(randomTensor([batch, 1, queries, keys], { seed: 5 }), -0.5),
});

/** Rows of more than a workgroup's 96 or 128 numbers, keys of more than one workgroup: what the op suite is too small for. */
test.each<[string, Sizes, (shape: number[]) => AttendOptions]>([
  ['heads of 256', { queries: 35, keys: 40, headDim: 256 }, () => ({ causal: true })],
  ['heads of 100 and values of 132', { queries: 33, keys: 5, headDim: 100, valueDim: 132 }, () => ({})],
  ['values of 6 beside heads of 150', { queries: 5, keys: 34, headDim: 150, valueDim: 6 }, () => ({})],
  ['one query, 300 keys', { queries: 1, keys: 300, headDim: 64 }, () => ({ causal: true })],
  ['three queries, 257 keys, groups, odd heads', { heads: 4, kvHeads: 2, queries: 3, keys: 257, headDim: 33 }, masked],
  [
    'two queries, a window of 20 in 400 keys',
    { queries: 2, keys: 400, headDim: 20 },
    () => ({ causal: true, window: 20 }),
  ],
  ['three queries with dropout', { queries: 3, keys: 151, headDim: 16 }, () => ({ dropout: 0.4, causal: true })],
  ['one query, values of 520', { queries: 1, keys: 130, headDim: 8, valueDim: 520 }, masked],
])('attend, forward and gradient: %s', async (_, sizes, options) => {
  const { plain, gpu } = await onBothEngines(() => attended(sizes, options));
  expectNear(gpu, plain);
});

test('attend: bias and mask where shaders may use eight buffers', async () => {
  const sizes = { heads: 3, queries: 37, keys: 70, headDim: 16 };
  const run = () =>
    attended(sizes, (shape) => ({ ...masked(shape), bias: randomTensor([1, ...shape.slice(1)], { seed: 6 }) }));
  const { plain, gpu } = await onBothEngines(run, await leastGPU());
  expect((engine().backend as FormersWebGPUBackend).device.limits.maxStorageBuffersPerShaderStage).toBe(8);
  expectNear(gpu, plain);
});

test('attend: the same bits each time', async () => {
  const run = () => attended({ heads: 4, kvHeads: 2, queries: 70, keys: 70, headDim: 32 }, () => ({ causal: true }));
  const { gpu } = await onBothEngines(run);
  expect(await run()).toEqual(gpu);
});
