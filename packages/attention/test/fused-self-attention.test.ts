import { attentionWeights, capture, RandomStream, splitHeads, withDropout } from '@formers/backend';
import { normal } from '@formers/nn';
import {
  add,
  concat,
  dispose,
  gather,
  matMul,
  reshape,
  slice,
  split,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tensor2d,
  tensor1d,
  tensor4d,
  tidy,
  type Variable,
} from '@tensorflow/tfjs-core';
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
import {
  attend,
  FusedSelfAttention,
  type FusedSelfAttentionConfig,
  GrowingKVCache,
  mergeHeads,
  MultiHeadAttention,
  type SelfAttentionOptions,
} from '../src/index.ts';

useEngineForTests();

const [dim, numHeads, seq] = [8, 4, 5];

function make(options: Partial<FusedSelfAttentionConfig> = {}): FusedSelfAttention {
  const module = new FusedSelfAttention({
    dim,
    numHeads,
    causal: true,
    init: normal(0.5),
    random: new RandomStream(1, 'init'),
    ...options,
  });
  module.queryKeyValue.bias!.assign(randomTensor([3 * dim], { seed: 7 }));
  module.output.bias!.assign(randomTensor([dim], { seed: 8 }));
  return module;
}

const input = (length = seq, seed = 0): Tensor3D => randomTensor<Tensor3D>([2, length, dim], { seed });

test('a query that looks evenly gives the mean of the values it may see; others and the other heads stay', () => {
  using module = make();
  const x = input();
  const evenly = tensor4d(
    [0, 0, 1, 0, 0].concat([0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]),
    [1, 4, 5, 1],
    'bool',
  ); // token 2 in head 0, token 4 in head 2
  const mapOf = (options: SelfAttentionOptions): number[] => {
    const { attentions } = capture(() => module.call(x, options), ['attentions']); // [2, 4, 5, 5]
    const weights = valuesOf(attentions[0]!);
    dispose(attentions);
    return weights;
  };
  const [plain, even] = [mapOf({}), mapOf({ evenly })];
  for (const batch of [0, 1])
    for (let row = 0; row < 20; row++) {
      const at = (batch * 20 + row) * 5;
      const wanted =
        row === 2 ? [1 / 3, 1 / 3, 1 / 3, 0, 0] : row === 14 ? Array(5).fill(0.2) : plain.slice(at, at + 5);
      even.slice(at, at + 5).forEach((weight, key) => expect(weight).toBeCloseTo(wanted[key]!, 6));
    }
  using cache = new GrowingKVCache();
  expectClose(module.call(x, { evenly, cache: cache.layer(0) }), module.call(x, { evenly }), {
    rtol: 1e-5,
    atol: 1e-6,
  });
});

test('one head of width 1, by hand', () => {
  using module = new FusedSelfAttention({ dim: 1, numHeads: 1, causal: true, random: null });
  module.queryKeyValue.weight.assign(tensor2d([[2], [3], [5]])); // q = 2 x, k = 3 x, v = 5 x
  module.output.weight.assign(tensor2d([[7]]));
  module.output.bias!.assign(tensor1d([100]));
  const share = 1 / (1 + Math.exp(-6)); // x = 0, 1: query 1 scores 0 and 6
  expectClose(module.call(reshape(tensor2d([[0, 1]]), [1, 2, 1])), [100, 100 + 7 * 5 * share]);
});

test('is MultiHeadAttention with the three projections in one', () => {
  using fused = make();
  using apart = new MultiHeadAttention({ dim, numHeads, causal: true, random: null });
  const [weights, biases] = [split(fused.queryKeyValue.weight, 3), split(fused.queryKeyValue.bias!, 3)];
  [apart.query, apart.key, apart.value].forEach((layer, i) => {
    assign(layer.weight, weights[i]!);
    assign(layer.bias!, biases[i]!);
  });
  apart.output.weight.assign(fused.output.weight);
  apart.output.bias!.assign(fused.output.bias!);
  expectClose(fused.call(input()), apart.call(input()));
});

test('gradients of the input', () => {
  using module = make();
  expectGradients((x: Tensor3D) => module.call(x), [input()]);
});

describe('what each token sees', () => {
  /** The output at each position when token `changed` is another one: the same bits or not. */
  function sameAfterChange(module: FusedSelfAttention, changed: number): boolean[] {
    const x = input();
    const other = tidy(() =>
      concat(
        [
          slice(x, [0, 0, 0], [-1, changed, -1]),
          input(1, 99),
          slice(x, [0, changed + 1, 0], [-1, seq - changed - 1, -1]),
        ],
        1,
      ),
    );
    const [before, after] = [valuesOf(module.call(x)), valuesOf(module.call(other as Tensor3D))];
    return Array.from({ length: seq }, (_, i) =>
      before.slice(i * dim, (i + 1) * dim).every((value, j) => value === after[i * dim + j]),
    );
  }

  test('causal: nothing that comes later, everything up to itself', () => {
    using module = make();
    for (let changed = 0; changed < seq; changed++)
      expect(sameAfterChange(module, changed)).toEqual(Array.from({ length: seq }, (_, i) => i < changed));
  });

  test('not causal: everything', () => {
    using module = make({ causal: false });
    expect(sameAfterChange(module, 2)).toEqual([false, false, false, false, false]);
    using causal = make();
    expectClose(causal.call(input(), { causal: false }), module.call(input()));
  });

  test('not causal and without positions: the order of tokens is the order of outputs', () => {
    using module = make({ causal: false });
    const order = tensor1d([3, 0, 4, 1, 2], 'int32');
    expectClose(module.call(gather(input(), order, 1)), gather(module.call(input()), order, 1), { atol: 1e-5 });
    using causal = make();
    const [moved, still] = [
      valuesOf(causal.call(gather(input(), order, 1))),
      valuesOf(gather(causal.call(input()), order, 1)),
    ];
    expect(Math.max(...moved.map((value, i) => Math.abs(value - still[i]!)))).toBeGreaterThan(0.01);
  });

  test('packing: with a block-diagonal mask two sequences in one row are as if alone', () => {
    using module = make();
    const [first, second] = [input(2, 1), input(3, 2)];
    const block = tensor2d(
      [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 1, 1, 1],
        [0, 0, 1, 1, 1],
        [0, 0, 1, 1, 1],
      ],
      [5, 5],
      'bool',
    );
    const packed = module.call(concat([first, second], 1), { mask: block });
    expectClose(packed, concat([module.call(first), module.call(second)], 1), { atol: 1e-5 });
  });
});

test('a key/value cache gives the same outputs for any split, masks included', () => {
  using module = make();
  const x = input();
  const mask = reshape(
    tensor2d(
      [
        [1, 1, 1, 1, 1],
        [0, 1, 1, 1, 1],
      ],
      [2, 5],
      'bool',
    ),
    [2, 1, 1, 5],
  );
  const full = module.call(x, { mask });
  for (const splits of [[5], [1, 1, 1, 1, 1], [2, 3], [4, 1], [1, 3, 1]]) {
    using cache = new GrowingKVCache();
    let start = 0;
    const parts = splits.map((length) => {
      const part = slice(x, [0, start, 0], [-1, length, -1]);
      start += length;
      return module.call(part, { cache: cache.layer(0), mask: slice(mask, [0, 0, 0, 0], [-1, -1, -1, start]) });
    });
    expectClose(concat(parts, 1), full, { atol: 1e-5 });
  }
});

test('the captured map is the one that the output is made of', () => {
  using module = make();
  const x = input();
  const { value, attentions } = capture(() => module.call(x));
  const [map] = attentions as [Tensor];
  const [q, k, v] = split(module.queryKeyValue.call(x), 3, 2).map((part) => splitHeads(part as Tensor3D, numHeads)) as [
    never,
    never,
    never,
  ];
  expectClose(map, attentionWeights(q, k, { causal: true }));
  expectClose(module.output.call(mergeHeads(matMul(map, v))), value, { atol: 1e-5 });
  expectSameBits(value, module.call(x));
  expect(attentions).toHaveLength(1);
  for (const tensor of [value, map]) tensor.dispose();
});

test('capturing does not move the dropout masks', () => {
  using module = make({ dropout: 0.5 });
  const x = input();
  const run = (f: () => Tensor): number[] => withDropout({ seed: 1, step: 1 }, () => valuesOf(f()));
  const captured = run(() => {
    const { value, attentions } = capture(() => module.call(x));
    for (const map of attentions) map.dispose();
    return value;
  });
  expect(captured).toEqual(run(() => module.call(x)));
  expect(captured).not.toEqual(valuesOf(module.call(x)));
});

describe('heads', () => {
  test('their order does not matter, if the columns of the output projection move along', () => {
    using module = make();
    const before = valuesOf(module.call(input()));
    const order = [2, 0, 3, 1];
    const rows = order.flatMap((head) => [0, 1].map((i) => head * 2 + i)); // headDim 2
    const all = tensor1d(
      [0, 1, 2].flatMap((part) => rows.map((row) => part * dim + row)),
      'int32',
    );
    assign(module.queryKeyValue.weight, gather(module.queryKeyValue.weight, all));
    assign(module.queryKeyValue.bias!, gather(module.queryKeyValue.bias!, all));
    assign(module.output.weight, gather(module.output.weight, tensor1d(rows, 'int32'), 1));
    expectClose(module.call(input()), before, { atol: 1e-5 });
  });

  test('the output is the sum of single heads through their columns of the output projection', () => {
    using module = make();
    const parts = split(module.queryKeyValue.call(input()), 3, 2).map((part) => splitHeads(part as Tensor3D, numHeads));
    let total: Tensor = reshape(module.output.bias!, [1, 1, dim]);
    for (let head = 0; head < numHeads; head++) {
      const [q, k, v] = parts.map((part) => slice(part, [0, head, 0, 0], [-1, 1, -1, -1])) as [never, never, never];
      const own = mergeHeads(attend(q, k, v, { causal: true })); // [batch, seq, headDim]
      const columns = slice(module.output.weight, [0, head * 2], [-1, 2]) as Tensor2D;
      total = add(total, reshape(matMul(reshape(own, [-1, 2]), columns, false, true), [2, seq, dim]));
    }
    expectClose(module.call(input()), total, { atol: 1e-5 });
  });
});

test('the scale is 1 / √headDim unless told', () => {
  using usual = make();
  using told = make({ scale: 1 / Math.sqrt(2) });
  using plain = make({ scale: 1 });
  expectClose(told.call(input()), usual.call(input()));
  const [a, b] = [valuesOf(usual.call(input())), valuesOf(plain.call(input()))];
  expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))).toBeGreaterThan(0.01);
});

test('an additive bias shifts the scores', () => {
  using module = make();
  const bias = randomTensor([numHeads, seq, seq]);
  const { attentions, value } = capture(() => module.call(input(), { bias }));
  const { attentions: plain, value: other } = capture(() => module.call(input()));
  const [shifted, unshifted] = [valuesOf(attentions[0]!), valuesOf(plain[0]!)];
  const biases = valuesOf(bias);
  for (const row of [1, 4]) {
    const at = row * seq; // batch 0, head 0
    expectClose(
      Math.log(shifted[at]! / shifted[at + 1]!) - Math.log(unshifted[at]! / unshifted[at + 1]!),
      biases[at]! - biases[at + 1]!,
      { atol: 1e-4 },
    );
  }
  for (const tensor of [...attentions, ...plain, value, other]) tensor.dispose();
});

test('owns its output; without a cache and with one', () => {
  using module = make();
  const x = input();
  expectOwned(() => module.call(x));
  using cache = new GrowingKVCache();
  module.call(x, { cache: cache.layer(0) });
  const held = cache.length;
  expect(module.call(slice(x, [0, 0, 0], [-1, 1, -1]), { cache: cache.layer(0) }).shape).toEqual([2, 1, dim]);
  expect(cache.length).toBe(held + 1);
});

test('a width that the heads do not divide is told', async () => {
  await expectError(() => new FusedSelfAttention({ dim: 8, numHeads: 3, causal: true, random: null }), {
    code: 'config',
    message: 'FusedSelfAttention: dim must be divisible by numHeads, got 8 and 3',
  });
});

function assign(variable: Variable, value: Tensor): void {
  variable.assign(value);
}
