import {
  adafactorStep,
  addLayerNorm,
  attend,
  attendMerged,
  gated,
  layerNorm,
  linear,
  linearCrossEntropy,
  lstm,
  rotary,
  selfAttend,
  useBackend,
  valueAndGradients,
  withDropout,
} from '@formers/backend';
import {
  add,
  conv2d,
  depthwiseConv2d,
  matMul,
  maxPool,
  type Scalar,
  scalar,
  softmax,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
  variable,
  zeros,
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
    const heads = randomTensor<Tensor4D>([3, 5, 67, 24]);
    const angles = [7, 8].map((seed) => randomTensor<Tensor3D>([1, 67, 10], { seed })) as [Tensor3D, Tensor3D];
    const turned = valueAndGradients(() => rotary(heads, { cos: angles[0], sin: angles[1] }), [heads]);
    const between = valueAndGradients(() => {
      const { sum: total, norm } = addLayerNorm(x, { residual: gated(x, { up: x, activation: 'silu' }), weight: gain });
      return add(total, norm);
    }, [x, gain]);
    const recurrent = randomTensor<Tensor2D>([120, 30], { seed: 9, std: 0.1 });
    const projected = randomTensor<Tensor3D>([11, 13, 120]);
    const states = valueAndGradients(() => lstm(projected, { weight: recurrent }).states, [projected, recurrent]);
    const image = randomTensor<Tensor4D>([2, 9, 11, 70]);
    const filter = randomTensor<Tensor4D>([3, 3, 70, 1]);
    const convolved = valueAndGradients(() => depthwiseConv2d(image, filter, 1, 'same'), [image, filter]);
    const headBias = randomTensor<Tensor1D>([90], { seed: 12 });
    const kernel = randomTensor<Tensor4D>([3, 3, 70, 35], { seed: 10 });
    const pooled = valueAndGradients(() => maxPool(conv2d(image, kernel, 1, 'same'), 3, 2, 'same'), [image, kernel]);
    const [qs, ks] = [randomTensor<Tensor3D>([3, 70, 60]), randomTensor<Tensor3D>([3, 41, 20], { seed: 11 })];
    const merged = valueAndGradients(() => attendMerged(qs, ks, ks, { numHeads: 6, numKvHeads: 2 }), [qs, ks]);
    const shares = softmax(randomTensor([37, 2100]));
    const some = randomIds([3, 67], { bound: 4 });
    const biased = valueAndGradients(
      () => linearCrossEntropy(x, head, { labels: some, bias: headBias, ignoreIndex: 0 }),
      [x, head, headBias],
    );
    const trained = [variable(w), variable(zeros([120])), variable(zeros([40]))] as const;
    adafactorStep(
      [
        {
          parameter: trained[0],
          gradient: step.gradients[1] as Tensor,
          rowMoment: trained[1],
          columnMoment: trained[2],
          weightDecay: 0.1,
        },
      ],
      { learningRate: 0.1, step: 1, leastScale: 1e-3, gradientScale: scalar(1) as Scalar },
    );
    const stepped = trained.map((variable) => variable.clone());
    for (const variable of trained) variable.dispose();
    const more = [turned, between, states, convolved, pooled, merged, biased].flatMap(({ value, gradients }) => [
      value as Tensor,
      ...gradients,
    ]);
    const all = [
      shares,
      ...more,
      ...stepped,
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
  for (const tileColumns of [8, 16] as const) {
    const engine = runningEngine();
    if (engine) engine.tileColumns = tileColumns;
    expect(bits()).toEqual(expected);
  }
});
