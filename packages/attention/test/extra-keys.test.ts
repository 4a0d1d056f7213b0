import { dispose, fill, mul, type Tensor3D, tensor, zeros } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { capture, RandomStream } from '@formers/backend';
import { expectClose, randomTensor, useEngineForTests } from '../../testing/src/index.ts';
import { ExtraKeysAttention, MultiHeadAttention } from '../src/index.ts';

useEngineForTests();

const config = { dim: 4, numHeads: 2 };
const make = (extra: { learnedKey?: boolean; zeroKey?: boolean }): ExtraKeysAttention =>
  new ExtraKeysAttention({ ...config, ...extra, random: new RandomStream(1, 'init') });

test('without extra keys it is multi-head attention', () => {
  using plain = new MultiHeadAttention({ ...config, random: new RandomStream(1, 'init') });
  using same = make({});
  const x = randomTensor<Tensor3D>([2, 3, 4], { seed: 5 });
  expectClose(same.call(x), plain.call(x));
});

test('the zero key takes weight from the others, and gives zeros', () => {
  using attention = make({ zeroKey: true });
  for (const projection of [attention.query, attention.key]) projection.weight.assign(zeros([4, 4])); // all scores are 0
  const x = randomTensor<Tensor3D>([1, 3, 4], { seed: 5 });
  const { value, attentions, crossAttentions } = capture(() => attention.call(x));
  expectClose(attentions[0]!, fill([1, 2, 3, 4], 0.25));
  using plain = new MultiHeadAttention({ ...config, random: new RandomStream(1, 'init') });
  for (const projection of [plain.query, plain.key]) projection.weight.assign(zeros([4, 4]));
  expectClose(value, mul(plain.call(x), 0.75)); // biases are zero: three quarters of the mean value
  expect(crossAttentions).toHaveLength(0);
  dispose(attentions);
});

test('a query whose keys are all hidden still sees the extra ones, the learned one before the zero one', () => {
  using attention = make({ learnedKey: true, zeroKey: true });
  const x = randomTensor<Tensor3D>([1, 2, 4], { seed: 6 });
  const mask = tensor([0, 0, 1, 0], [1, 1, 2, 2], 'bool');
  const { attentions } = capture(() => attention.call(x, { mask, bias: zeros([1, 1, 1, 1]) }));
  const map = attentions[0]!.arraySync() as number[][][][];
  dispose(attentions);
  for (const [first, second] of map[0]! as [number[], number[]][]) {
    expect(first.slice(0, 2)).toEqual([0, 0]);
    expect(first[2]! + first[3]!).toBeCloseTo(1, 6);
    expect(second[1]).toBe(0);
    expect(second.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 6);
  }
});

test('causal is refused', () => {
  expect(() => new ExtraKeysAttention({ ...config, causal: true, zeroKey: true, random: null })).toThrow(
    'ExtraKeysAttention: causal must be false',
  );
});
