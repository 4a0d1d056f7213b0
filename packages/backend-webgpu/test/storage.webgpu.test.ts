import { gelu, isTapeOn, linear, useBackend, valueAndGradients } from '@formers/backend';
import {
  add,
  concat,
  engine,
  memory,
  mul,
  reshape,
  slice,
  sum,
  tensor,
  type Tensor,
  tensor2d,
  type Tensor2D,
  tidy,
  transpose,
  type Variable,
  variable,
} from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';

import { generate } from '../../generation/src/index.ts';
import { GPT, GPT_PRESETS } from '../../gpt/src/index.ts';
import { randomTensor } from '../../testing/src/index.ts';
import { AdamW, freeze, unfreeze } from '../../training/src/index.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { storeInHalves } from '../src/engine/half-storage.ts';
import { type StoragePrecision, webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

const backend = () => engine().backend as FormersWebGPUBackend;
const usedBytes = () => backend().bufferManager.numBytesUsed;
const start = async (storage: StoragePrecision) => useBackend(webgpu({ gpu: await dawn(), storage }));
const isHalf = ({ dataId }: Tensor) => backend().tensorMap.get(dataId).isHalf ?? false;

/** A tensor of such numbers, in halves. */
function halves(values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  const x = tensor([...values], [...shape]);
  storeInHalves(backend(), x);
  expect(isHalf(x)).toBe(true);
  return x;
}

describe('numbers in halves', () => {
  beforeEach(async () => {
    await start('f16');
  });

  test('are rounded to the nearest, of two to the even one; what is too large is infinite, and NaN stays NaN', async () => {
    const values = [0, -0, 1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1.0005, -Math.PI, 1 / 3, 12345.678, -(2 ** -14)];
    const large = [65_504, 65_519.9, 65_520, -65_520, 1e9, -1e30, NaN, Infinity, -Infinity];
    const all = [...values, ...large, ...normal(997)]; // 1,016 numbers
    const x = halves(all);
    expect([...(await x.data())]).toEqual(all.map(Math.f16round));
    x.dispose();
  });

  test('below 6e-5 are right to 6e-8, or zero, as the device likes', async () => {
    const values = [6e-5, -1e-5, 3.3e-6, 1e-7];
    const x = halves(values);
    (await x.data()).forEach((found, i) =>
      expect(Math.min(Math.abs(found), Math.abs(found - (values[i] as number)))).toBeLessThan(2 ** -24),
    );
    x.dispose();
  });

  test('take half the bytes, until the tensor is gone', async () => {
    const before = usedBytes();
    const x = halves(normal(4096));
    expect(usedBytes() - before).toBe(8192);
    expect(memory()).toMatchObject({ numBytesInGPU: usedBytes() });
    await x.data();
    expect(usedBytes() - before).toBe(8192);
    x.dispose();
    expect(usedBytes()).toBe(before);
  });

  test('are read by kernels of tfjs, as buffers of the GPU, and through reshapes', async () => {
    const values = normal(4 * 1024).map(Math.f16round);
    const [x, before] = [halves(values, [4, 1024]), usedBytes()];
    const made = tidy(() => {
      const turned = transpose(reshape(x, [1024, 4]));
      return [slice(turned, [1, 5], [2, 3]), add(x, x), concat([x as Tensor2D, x as Tensor2D])];
    });
    const [cut, doubled, twice] = (await Promise.all(made.map(async (each) => each.data()))) as [Float32Array, Float32Array, Float32Array]; // prettier-ignore
    expect([...cut]).toEqual([5, 6, 7].map((row) => values[4 * row + 1]).concat([5, 6, 7].map((row) => values[4 * row + 2]))); // prettier-ignore
    expect([...doubled]).toEqual(values.map((value) => 2 * value));
    expect([...twice]).toEqual([...values, ...values]);
    const { tensorRef, buffer } = x.dataToGPU();
    expect(buffer?.size).toBe(4 * 4 * 1024);
    expect([...(await tensorRef.data())]).toEqual(values);
    for (const each of [...made, tensorRef]) each.dispose();
    expect(usedBytes()).toBe(before);
    x.dispose();
  });
});

test('what layers put out is in halves under a tape, but logits and sums are not; outside of one nothing is', async () => {
  await start('f16');
  const [x, weight] = [randomTensor<Tensor2D>([8, 12], { seed: 1 }), randomTensor<Tensor2D>([20, 12], { seed: 2 })];
  const seen: boolean[] = [];
  const f = () => {
    const residual = randomTensor([8, 20], { seed: 3 });
    const outputs = [
      linear(x, weight, { activation: 'gelu' }),
      linear(x, weight, { inner: true }),
      gelu(x),
      linear(x, weight),
      linear(x, weight, { activation: 'gelu', residual }),
      linear(x, slice(weight, [0, 0], [19, 12]) as Tensor2D, { inner: true }), // no rows of four
    ];
    if (isTapeOn() || seen.length === 0) seen.push(...outputs.map(isHalf));
    return sum(mul(outputs[0] as Tensor, outputs[1] as Tensor));
  };
  tidy(f);
  expect(seen.splice(0)).toEqual([false, false, false, false, false, false]);
  tidy(() => valueAndGradients(f, [x]).value);
  expect(seen).toEqual([true, true, true, false, false, false]);
});

/** Three steps of a small GPT-2. */
async function trained(storage: StoragePrecision) {
  await start(storage);
  using model = new GPT(
    { vocabSize: 32, contextLength: 32, dim: 64, numHeads: 4, numLayers: 1, dropout: 0.1 },
    { seed: 1 },
  );
  using optimizer = new AdamW(model, { learningRate: 1e-3, weightDecay: 0.1, clipNorm: 1, seed: 2 });
  const ids = tensor2d(
    Int32Array.from({ length: 128 }, (_, i) => (i * i + 3 * i) % 32),
    [4, 32],
    'int32',
  );
  const losses: number[] = [];
  let [held, dispatches] = [0, 0];
  for (let step = 0; step < 3; step++) {
    const before = backend().figures.dispatches;
    const loss = optimizer.minimize(() => {
      const bytes = usedBytes();
      const value = model.loss(ids, { targets: ids });
      held = usedBytes() - bytes;
      return value;
    });
    losses.push(await loss.loss());
    dispatches = backend().figures.dispatches - before;
  }
  ids.dispose();
  return { losses, held, dispatches, weights: model.parameters().some((parameter) => isHalf(parameter)) };
}

test('a training step holds a third less than in float32, with as many dispatches and nearly the same losses', async () => {
  const [full, half] = [await trained('f32'), await trained('f16')];
  expect(half.held).toBeLessThan(0.67 * full.held);
  expect(half.dispatches).toBe(full.dispatches);
  expect(half.weights).toBe(false);
  half.losses.forEach((loss, i) => {
    const wanted = full.losses[i] as number;
    expect(Math.abs(loss - wanted) / wanted, `step ${i}`).toBeLessThan(2 ** -11);
  });
  expect(half.losses).not.toEqual(full.losses);
  expect(half.losses.at(-1)).toBeLessThan(0.98 * (half.losses[0] as number));
}, 120_000);

/** Ids that a GPT-2 with weights of so few bits goes on with, and the bytes of the weights. */
async function continued(storage: StoragePrecision) {
  await start(storage);
  const before = usedBytes();
  using model = new GPT(
    { ...GPT_PRESETS.testing, vocabSize: 48, contextLength: 32, dim: 64, initStd: 0.4 },
    { seed: 1 },
  );
  for (const parameter of model.parameters())
    parameter.assign(tensor((await parameter.data<'float32'>()).map(Math.f16round), parameter.shape));
  freeze(model);
  const { newTokens } = await generate(model, [[3, 1, 4, 1, 5]], { maxNewTokens: 8, padTokenId: 0 });
  const large = model.parameters().filter(({ rank }) => rank === 2);
  return { newTokens, bytes: usedBytes() - before, isHalf: large.map(isHalf) };
}

test('generation reads frozen weights in half the bytes, and writes the same where halves have all their bits', async () => {
  const [full, half] = [await continued('f32'), await continued('f16')];
  expect(half.newTokens).toEqual(full.newTokens);
  expect(new Set(half.newTokens.flat()).size).toBeGreaterThan(2);
  expect(half.isHalf.every(Boolean)).toBe(true);
  expect(full.isHalf.some(Boolean)).toBe(false);
  expect(half.bytes).toBeLessThan(0.55 * full.bytes);
}, 120_000);

test('a weight that is trained after all is float32 again, with the numbers that it had', async () => {
  await start('f16');
  const model = { weight: variable(randomTensor<Tensor2D>([64, 64], { seed: 1 })) };
  const named = { namedParameters: () => new Map([['weight', model.weight as Variable]]) };
  const x = randomTensor<Tensor2D>([8, 64], { seed: 2 });
  freeze(named);
  tidy(() => linear(x, model.weight as Tensor2D));
  expect(isHalf(model.weight)).toBe(true);
  const before = await model.weight.data();
  unfreeze(named);
  using optimizer = new AdamW(named, { learningRate: 1e-3, weightDecay: 0 });
  await optimizer.minimize(() => sum(gelu(linear(x, model.weight as Tensor2D)))).loss();
  expect(isHalf(model.weight)).toBe(false);
  const after = await model.weight.data();
  const steps = after.map((value, i) => Math.abs(value - (before[i] as number)));
  expect(Math.max(...steps)).toBeLessThan(1.01e-3); // the first step of AdamW is the learning rate
  expect(steps.filter((step) => step > 0.99e-3).length).toBeGreaterThan(4000);
  for (const each of [model.weight, x]) each.dispose();
});

test('numbers beyond those of halves make the step not finite, and it changes nothing', async () => {
  await start('f16');
  const weight = variable(randomTensor<Tensor2D>([64, 64], { seed: 1 }));
  const named = { namedParameters: () => new Map([['weight', weight as Variable]]) };
  const large = tidy(() => mul(randomTensor<Tensor2D>([8, 64], { seed: 2 }), 1e6) as Tensor2D);
  const before = await weight.data();
  using optimizer = new AdamW(named, { learningRate: 1e-3 });
  const result = optimizer.minimize(() => sum(linear(gelu(large), weight as Tensor2D)));
  expect(Number.isFinite(await result.loss())).toBe(false);
  expect(await weight.data()).toEqual(before);
  for (const each of [weight, large]) each.dispose();
});

function normal(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 3 * Math.sin(i * i + 1));
}
