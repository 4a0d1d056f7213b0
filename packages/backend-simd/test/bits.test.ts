import {
  attend,
  layerNorm,
  linear,
  linearCrossEntropy,
  selfAttend,
  useBackend,
  valueAndGradients,
  withDropout,
} from '@formers/backend';
import {
  add,
  matMul,
  type Scalar,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';

import { randomIds, randomTensor } from '../../testing/src/index.ts';
import { simd } from '../src/index.ts';
import { runningEngine } from '../src/start.ts';

/** All bits of the values and gradients of ops at sizes that split unevenly among threads. */
function bits(): string[] {
  return tidy(() => {
    const inputs = [
      randomTensor([3, 67, 40]),
      randomTensor([120, 40], { seed: 1 }),
      randomTensor([120], { seed: 2 }),
      randomTensor([40], { seed: 3 }),
      randomTensor([40], { seed: 4 }),
      randomTensor([90, 40], { seed: 5 }),
    ];
    const [x, w, b, gain, shift, head] = inputs as [Tensor3D, Tensor2D, Tensor1D, Tensor1D, Tensor1D, Tensor2D];
    const labels = randomIds([3, 67], { bound: 90 });
    const step = valueAndGradients(
      () =>
        withDropout({ seed: 1, step: 2 }, () => {
          const qkv = linear(layerNorm(x, { weight: gain, bias: shift }), w, { bias: b, activation: 'geluTanh' }); // [3, 67, 120]
          return linearCrossEntropy(add(selfAttend(qkv, { numHeads: 5, causal: true, dropout: 0.1 }), x), head, {
            labels,
          });
        }),
      inputs,
    );
    const [q, k, v] = [
      randomTensor<Tensor4D>([1, 6, 150, 19]),
      randomTensor<Tensor4D>([1, 2, 150, 19], { seed: 1 }),
      randomTensor<Tensor4D>([1, 2, 150, 23], { seed: 2 }),
    ];
    const bias = randomTensor([1, 1, 150, 150]);
    const attention = valueAndGradients(() => attend(q, k, v, { window: 90, bias }), [q, k, v, bias]);
    const product = matMul(randomTensor<Tensor2D>([805, 301]), randomTensor<Tensor2D>([805, 130]), true, false);
    const batched = matMul(randomTensor<Tensor3D>([11, 37, 500]), randomTensor<Tensor3D>([11, 21, 500]), false, true);
    const all = [
      step.value as Tensor,
      ...step.gradients,
      attention.value,
      ...attention.gradients,
      product,
      batched,
      sum(x) as Scalar,
      sum(x, 0),
      sum(x, 2),
    ];
    return all.map((tensor) => Buffer.from((tensor.dataSync() as Float32Array).buffer).toString('base64')) as never;
  });
}

let expected: string[] = [];
beforeAll(async () => {
  await useBackend(simd({ threads: 1, avx2: false }));
  expected = bits();
});

test.each([1, 2, 3, 5])('%i threads with AVX2 give the bits of one thread without', async (threads) => {
  await useBackend(simd({ threads }));
  expect(bits()).toEqual(expected);
});

test('both register tiles give the same bits', async () => {
  await useBackend(simd({ threads: 2 }));
  for (const tileRows of [4, 6] as const) {
    const engine = runningEngine();
    if (engine) engine.tileRows = tileRows;
    expect(bits()).toEqual(expected);
  }
});
