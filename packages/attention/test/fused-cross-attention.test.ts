import { RandomStream, withDropout } from '@formers/backend';
import { concat, slice, type Tensor1D, type Tensor2D, tensor2d, type Tensor3D } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectGradients,
  expectOwned,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { EncoderDecoderCache, FusedCrossAttention, MultiHeadAttention, paddingMask } from '../src/index.ts';

useEngineForTests();

const random = (): RandomStream => new RandomStream(1, 'init');
const make = (options: { bias?: boolean; dropout?: number } = {}): FusedCrossAttention => {
  const attention = new FusedCrossAttention({ dim: 8, numHeads: 2, random: random(), ...options });
  const { bias } = attention.queryKeyValue;
  bias?.assign(randomTensor(bias.shape, { seed: 5, std: 0.5 }));
  return attention;
};
const x = (): Tensor3D => randomTensor<Tensor3D>([2, 3, 8], { seed: 1 });
const context = (): Tensor3D => randomTensor<Tensor3D>([2, 5, 8], { seed: 2 });

test.each([true, false])('is multi-head attention whose three projections lie in one matrix, bias %s', (bias) => {
  using fused = make({ bias });
  using apart = new MultiHeadAttention({ dim: 8, numHeads: 2, bias, random: random() });
  const { weight, bias: shifts } = fused.queryKeyValue;
  for (const [i, part] of [apart.query, apart.key, apart.value].entries()) {
    part.weight.assign(slice(weight as Tensor2D, [8 * i, 0], [8, 8]));
    if (shifts) part.bias!.assign(slice(shifts as Tensor1D, [8 * i], [8]));
  }
  apart.output.weight.assign(fused.output.weight);
  const mask = paddingMask(
    tensor2d(
      [
        [1, 1, 1, 1, 1],
        [1, 1, 0, 0, 0],
      ],
      [2, 5],
      'int32',
    ),
  );
  expectClose(fused.call(x(), { context: context(), mask }), apart.call(x(), { context: context(), mask }), {
    atol: 1e-5,
  });
});

test('has gradients by x, by the context and by its weights', () => {
  using attention = make();
  const { weight, bias } = attention.queryKeyValue;
  expectGradients((a: Tensor3D, b: Tensor3D) => attention.call(a, { context: b }), [x(), context()]);
  expect([...attention.namedParameters().keys()]).toEqual([
    'queryKeyValue.weight',
    'queryKeyValue.bias',
    'output.weight',
    'output.bias',
  ]);
  expect([weight.shape, bias?.shape]).toEqual([[24, 8], [24]]);
});

test('a cache keeps what was made of the context at the first call', () => {
  using attention = make();
  using cache = new EncoderDecoderCache();
  const first = attention.call(x(), { context: context(), crossCache: cache.cross(0) });
  expectSameBits(first, attention.call(x(), { context: context() }));
  const other = randomTensor<Tensor3D>([2, 5, 8], { seed: 9 });
  expectSameBits(attention.call(x(), { context: other, crossCache: cache.cross(0) }), first);
  expect(valuesOf(attention.call(x(), { context: other }))).not.toEqual(valuesOf(first));
});

test('drops weights inside of withDropout alone', () => {
  using attention = make({ dropout: 0.5 });
  using plain = make();
  const options = { context: concat([context(), context()], 1) };
  expectSameBits(attention.call(x(), options), plain.call(x(), options));
  const dropped = withDropout({ seed: 1, step: 1 }, () => attention.call(x(), options));
  expect(valuesOf(dropped)).not.toEqual(valuesOf(plain.call(x(), options)));
});

test('owns its output; heads have to divide the width', async () => {
  using attention = make();
  const [a, b] = [x(), context()];
  expectOwned(() => attention.call(a, { context: b }));
  await expectError(() => new FusedCrossAttention({ dim: 8, numHeads: 3, random: null }), {
    code: 'config',
    message: 'FusedCrossAttention: dim must be divisible by numHeads, got 8 and 3',
  });
});
