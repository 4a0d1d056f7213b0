import { capture, RandomStream } from '@formers/backend';
import { normal } from '@formers/nn';
import { concat, gather, slice, type Tensor, tensor1d, tensor2d, type Tensor3D, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

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
import { GrowingKVCache, MultiHeadAttention, type MultiHeadAttentionConfig } from '../src/index.ts';

useEngineForTests();

const dim = 6;
const make = (options: Partial<MultiHeadAttentionConfig> = {}): MultiHeadAttention =>
  new MultiHeadAttention({ dim, numHeads: 3, init: normal(0.5), random: new RandomStream(1, 'init'), ...options });
const x = (seq = 4, width = dim, seed = 0): Tensor3D => randomTensor<Tensor3D>([2, seq, width], { seed });

/** The whole of it in float64, number by number. */
function reference(
  module: MultiHeadAttention,
  inputs: { query: Tensor3D; key: Tensor3D; value: Tensor3D },
  { causal = false } = {},
): number[] {
  const project = (layer: MultiHeadAttention['query'], input: Tensor3D): number[][][] => {
    const [batch, seq, width] = input.shape;
    const [values, weight, bias] = [
      valuesOf(input),
      valuesOf(layer.weight),
      layer.bias ? valuesOf(layer.bias) : undefined,
    ];
    const outDim = layer.weight.shape[0];
    return Array.from({ length: batch }, (_, b) =>
      Array.from({ length: seq }, (__, s) =>
        Array.from({ length: outDim }, (___, o) => {
          let sum = bias?.[o] ?? 0;
          for (let i = 0; i < width; i++) sum += values[(b * seq + s) * width + i]! * weight[o * width + i]!;
          return sum;
        }),
      ),
    );
  };
  const [q, k, v] = [
    project(module.query, inputs.query),
    project(module.key, inputs.key),
    project(module.value, inputs.value),
  ];
  const headDim = dim / module.numHeads;
  const merged = q.map((rows, b) =>
    rows.map((row, i) =>
      Array.from({ length: dim }, (_, column) => {
        const head = Math.floor(column / headDim);
        const kvHead = Math.floor(head / (module.numHeads / module.numKvHeads));
        const powers = k[b]!.map((key, j) => {
          let score = 0;
          for (let d = 0; d < headDim; d++) score += row[head * headDim + d]! * key[kvHead * headDim + d]!;
          return causal && j > i ? 0 : Math.exp(score / Math.sqrt(headDim));
        });
        const total = powers.reduce((sum, power) => sum + power, 0);
        return powers.reduce(
          (sum, power, j) => sum + (power / total) * v[b]![j]![kvHead * headDim + (column % headDim)]!,
          0,
        );
      }),
    ),
  );
  const [outWeight, outBias] = [
    valuesOf(module.output.weight),
    module.output.bias ? valuesOf(module.output.bias) : undefined,
  ];
  return merged
    .flat()
    .flatMap((row) =>
      Array.from({ length: dim }, (_, o) =>
        row.reduce((sum, value, i) => sum + value * outWeight[o * dim + i]!, outBias?.[o] ?? 0),
      ),
    );
}

function shake(module: MultiHeadAttention): void {
  [module.query, module.key, module.value, module.output].forEach(({ bias }, i) =>
    bias?.assign(randomTensor(bias.shape, { seed: i }) as never),
  );
}

describe('agrees with its definition in float64', () => {
  test.each<[string, Partial<MultiHeadAttentionConfig>]>([
    ['self-attention', {}],
    ['causal', { causal: true }],
    ['without biases', { bias: false }],
    ['one key head', { numKvHeads: 1 }],
    ['grouped key heads', { numHeads: 6, numKvHeads: 2 }],
    ['one head', { numHeads: 1 }],
  ])('%s', (_, options) => {
    using module = make(options);
    shake(module);
    expectClose(module.call(x()), reference(module, { query: x(), key: x(), value: x() }, options), { atol: 1e-5 });
  });

  test('cross-attention, keys and values of other widths', () => {
    using module = make({ contextDim: 5, valueDim: 4 });
    shake(module);
    const [context, valueContext] = [x(7, 5, 1), x(7, 4, 2)];
    expectClose(
      module.call(x(), { context, valueContext }),
      reference(module, { query: x(), key: context, value: valueContext }),
      { atol: 1e-5 },
    );
  });
});

test('gradients of x and the context', () => {
  using module = make({ contextDim: 5 });
  expectGradients((...[query, context]: [Tensor3D, Tensor3D]) => module.call(query, { context }), [x(), x(3, 5, 1)]);
});

test('without positions the order of keys does not matter, that of queries is that of outputs', () => {
  using module = make();
  const order = tensor1d([2, 0, 3, 1], 'int32');
  expectClose(
    module.call(x(), { context: gather(x(4, dim, 1), order, 1) }),
    module.call(x(), { context: x(4, dim, 1) }),
    { atol: 1e-5 },
  );
  expectClose(module.call(gather(x(), order, 1)), gather(module.call(x()), order, 1), { atol: 1e-5 });
});

test('every output sees every key (gradient), unless masked', () => {
  using module = make();
  const context = x(3, dim, 1);
  const mask = tensor2d([[1, 0, 1]], [1, 3], 'bool');
  const moved = concat(
    [slice(context, [0, 0, 0], [-1, 1, -1]), zeros([2, 1, dim]), slice(context, [0, 2, 0], [-1, 1, -1])],
    1,
  ) as Tensor3D;
  expectSameBits(module.call(x(), { context: moved, mask }), module.call(x(), { context, mask }));
  expect(valuesOf(module.call(x(), { context: moved }))).not.toEqual(valuesOf(module.call(x(), { context })));
});

test('maps of self-attention and of cross-attention are captured apart', () => {
  using module = make({ numKvHeads: 1 });
  const { value, attentions, crossAttentions } = capture(() => [
    module.call(x()),
    module.call(x(), { context: x(7, dim, 1) }),
  ]);
  expect([attentions, crossAttentions].map((maps) => maps.map((map) => map.shape))).toEqual([
    [[2, 3, 4, 4]],
    [[2, 3, 4, 7]],
  ]);
  for (const map of [...attentions, ...crossAttentions]) {
    const keys = map.shape[3]!;
    const values = valuesOf(map);
    for (let row = 0; row < values.length / keys; row++)
      expectClose(
        values.slice(row * keys, (row + 1) * keys).reduce((sum, weight) => sum + weight, 0),
        1,
        { atol: 1e-6 },
      );
  }
  for (const tensor of [...value, ...attentions, ...crossAttentions]) tensor.dispose();
});

test('a key/value cache gives the same outputs for any split', () => {
  using module = make({ causal: true, numKvHeads: 1 });
  const full = module.call(x());
  for (const splits of [
    [1, 1, 1, 1],
    [3, 1],
    [1, 2, 1],
  ]) {
    using cache = new GrowingKVCache();
    let start = 0;
    const parts = splits.map((length) => {
      const part = slice(x(), [0, start, 0], [-1, length, -1]);
      start += length;
      return module.call(part, { cache: cache.layer(0) });
    });
    expectClose(concat(parts, 1), full, { atol: 1e-5 });
  }
});

test('owns its output', () => {
  using module = make();
  const [query, context] = [x(), x(3, dim, 1)];
  expectOwned(() => module.call(query));
  expectOwned(() => module.call(query, { context }));
});

test.each<[Partial<MultiHeadAttentionConfig>, string]>([
  [{ numHeads: 4 }, 'MultiHeadAttention: dim must be divisible by numHeads, got 6 and 4'],
  [{ numHeads: 3, numKvHeads: 2 }, 'MultiHeadAttention: numHeads must be divisible by numKvHeads, got 3 and 2'],
])('%o is told', async (options, message) => {
  await expectError(() => make(options), { code: 'config', message });
});

test('wrong shapes are told', async () => {
  using module = make({ contextDim: 5 });
  const [query, context]: [Tensor3D, Tensor] = [x(), x(3, 4)];
  await expectError(() => module.call(query, { context: context as Tensor3D }), {
    code: 'shape',
    message: 'linear: x must be [..., 5], got [2, 3, 4]',
  });
});
