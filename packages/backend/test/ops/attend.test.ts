import fc from 'fast-check';
import {
  fill,
  mul,
  neg,
  ones,
  scalar,
  slice,
  split,
  type Tensor,
  tensor,
  type Tensor3D,
  type Tensor4D,
  tidy,
  transpose,
  zeros,
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
} from '../../../testing/src/index.ts';
import {
  attend,
  type AttendOptions,
  attentionWeights,
  dropoutMask,
  mergeHeads,
  selfAttend,
  splitHeads,
  valueAndGradients,
  withDropout,
} from '../../src/index.ts';
import { threefry2x32, randomKey } from '../../src/random.ts';

useEngineForTests();

interface Sizes {
  batch: number;
  heads: number;
  kvHeads: number;
  queries: number;
  keys: number;
  headDim: number;
  valueDim: number;
}

/** q, k and v. */
function inputs(
  { batch, heads, kvHeads, queries, keys, headDim, valueDim }: Sizes,
  seed = 0,
): [Tensor4D, Tensor4D, Tensor4D] {
  return [
    randomTensor<Tensor4D>([batch, heads, queries, headDim], { seed }),
    randomTensor<Tensor4D>([batch, kvHeads, keys, headDim], { seed: seed + 1 }),
    randomTensor<Tensor4D>([batch, kvHeads, keys, valueDim], { seed: seed + 2 }),
  ];
}

const SIZES: Sizes = { batch: 2, heads: 4, kvHeads: 4, queries: 5, keys: 5, headDim: 3, valueDim: 3 };

/** Attention in float64, number by number from the definition: the output, and the map. */
function reference(
  [q, k, v]: [Tensor4D, Tensor4D, Tensor4D],
  options: AttendOptions = {},
): { output: number[]; map: number[] } {
  const [batch, heads, queries, headDim] = q.shape;
  const [, kvHeads, keys, valueDim] = v.shape;
  const [qs, ks, vs] = [q, k, v].map((one) => valuesOf(one)) as [number[], number[], number[]];
  const broadcast = (one: Tensor | undefined): ((indices: number[]) => number) | undefined => {
    if (!one) return undefined;
    const [values, shape] = [valuesOf(one), [...new Array<number>(4 - one.rank).fill(1), ...one.shape]];
    return (indices) =>
      values[indices.reduce((flat, index, axis) => flat * shape[axis]! + (shape[axis] === 1 ? 0 : index), 0)]!;
  };
  const [mask, bias] = [broadcast(options.mask), broadcast(options.bias)];
  const { causal = false, window = 0, softCap = 0, scale = 1 / Math.sqrt(headDim) } = options;
  const offset = options.queryOffset ?? (causal || window ? keys - queries : 0);
  const [output, map]: [number[], number[]] = [[], []];
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const group = Math.floor(h / (heads / kvHeads));
      for (let i = 0; i < queries; i++) {
        const scores = Array.from({ length: keys }, (_, j) => {
          const position = i + offset;
          const hidden =
            (causal && j > position) || (window > 0 && j <= position - window) || mask?.([b, h, i, j]) === 0;
          if (hidden) return -Infinity;
          let score = 0;
          for (let d = 0; d < headDim; d++)
            score +=
              qs[((b * heads + h) * queries + i) * headDim + d]! *
              ks[((b * kvHeads + group) * keys + j) * headDim + d]!;
          score *= scale;
          if (softCap) score = softCap * Math.tanh(score / softCap);
          return score + (bias?.([b, h, i, j]) ?? 0);
        });
        const highest = Math.max(...scores);
        const powers = scores.map((score) => (score === -Infinity ? 0 : Math.exp(score - highest)));
        const total = powers.reduce((sum, power) => sum + power, 0);
        const weights = powers.map((power) => (total === 0 ? 0 : power / total));
        map.push(...weights);
        for (let d = 0; d < valueDim; d++)
          output.push(
            weights.reduce(
              (sum, weight, j) => sum + weight * vs[((b * kvHeads + group) * keys + j) * valueDim + d]!,
              0,
            ),
          );
      }
    }
  }
  return { output, map };
}

/** A mask of random places, of the given shape. */
function randomMask(shape: number[], { seed, share = 0.6 }: { seed: number; share?: number }): Tensor {
  return tensor(
    Uint8Array.from(valuesOf(randomTensor(shape, { seed })), (value) => Number(value < share)),
    shape,
    'bool',
  );
}

test('by hand: two keys, one query', () => {
  const [q, k, v] = [
    tensor([[[[2, 0]]]]),
    tensor([
      [
        [
          [Math.SQRT2, 5],
          [0, 7],
        ],
      ],
    ]),
    tensor([
      [
        [
          [1, 10],
          [3, 30],
        ],
      ],
    ]),
  ] as [Tensor4D, Tensor4D, Tensor4D];
  const share = Math.exp(2) / (Math.exp(2) + 1); // scores 2 and 0
  expectClose(attend(q, k, v), [share + 3 * (1 - share), 10 * share + 30 * (1 - share)]);
  expectClose(attentionWeights(q, k), [share, 1 - share]);
});

describe('agrees with its definition in float64', () => {
  const options: [string, Partial<Sizes>, (sizes: Sizes) => AttendOptions][] = [
    ['plain', {}, () => ({})],
    ['cross-attention', { queries: 2, keys: 7, valueDim: 6 }, () => ({})],
    ['grouped heads', { kvHeads: 2 }, () => ({ causal: true })],
    ['one key head', { kvHeads: 1, valueDim: 2 }, () => ({})],
    ['causal', {}, () => ({ causal: true })],
    ['causal with a cache', { queries: 2, keys: 7 }, () => ({ causal: true })],
    ['causal from the start', { queries: 2, keys: 7 }, () => ({ causal: true, queryOffset: 0 })],
    ['causal, more queries than keys', { queries: 6, keys: 4 }, () => ({ causal: true })],
    ['queries beyond the keys', { queries: 2, keys: 4 }, () => ({ causal: true, queryOffset: 9 })],
    ['window', {}, () => ({ causal: true, window: 2 })],
    ['window of one', {}, () => ({ causal: true, window: 1 })],
    ['window with a cache', { queries: 2, keys: 9 }, () => ({ causal: true, window: 3 })],
    ['window, not causal', {}, () => ({ window: 2 })],
    ['mask per query and key', {}, ({ queries, keys }) => ({ mask: randomMask([queries, keys], { seed: 5 }) })],
    ['mask per row of the batch', {}, ({ batch, keys }) => ({ mask: randomMask([batch, 1, 1, keys], { seed: 6 }) })],
    [
      'mask per head, causal',
      {},
      ({ batch, heads, queries, keys }) => ({
        mask: randomMask([batch, heads, queries, keys], { seed: 7 }),
        causal: true,
      }),
    ],
    ['bias', {}, ({ heads, queries, keys }) => ({ bias: randomTensor([heads, queries, keys], { seed: 8 }) })],
    [
      'bias, mask, window, cap, scale',
      { kvHeads: 2, queries: 3, keys: 6 },
      ({ queries, keys }) => ({
        bias: randomTensor([1, 1, queries, keys], { seed: 9 }),
        mask: randomMask([queries, keys], { seed: 10, share: 1 }),
        causal: true,
        window: 4,
        softCap: 1.5,
        scale: 0.9,
      }),
    ],
    ['scale', {}, () => ({ scale: 2 })],
    ['scale 0', {}, () => ({ scale: 0 })],
    ['cap', {}, () => ({ softCap: 0.5, scale: 3 })],
  ];

  test.each(options)('%s', (_, sizes, make) => {
    const all = { ...SIZES, ...sizes };
    const [q, k, v] = inputs(all);
    const chosen = make(all);
    const { output, map } = reference([q, k, v], chosen);
    expectClose(attend(q, k, v, chosen), output);
    expectClose(attentionWeights(q, k, chosen), map);
    expectOwned(() => attend(q, k, v, chosen));
    expectOwned(() => attentionWeights(q, k, chosen));
  });

  test.each(options)('%s: gradients of q, k, v and bias', (_, sizes, make) => {
    const all = { ...SIZES, ...sizes };
    const { bias, ...chosen } = make(all);
    const f = (...[q, k, v, shift]: [Tensor4D, Tensor4D, Tensor4D, Tensor?]): Tensor =>
      attend(q, k, v, { ...chosen, bias: shift });
    expectGradients(f as (...xs: Tensor[]) => Tensor, bias ? [...inputs(all), bias] : inputs(all), { directions: 3 });
  });

  test('any sizes', () => {
    const size = fc.integer({ min: 1, max: 5 });
    const sizes = fc.record({
      batch: size,
      kvHeads: fc.integer({ min: 1, max: 3 }),
      groups: fc.integer({ min: 1, max: 3 }),
      queries: size,
      keys: size,
      headDim: size,
      valueDim: size,
    });
    fc.assert(
      fc.property(sizes, fc.boolean(), fc.nat(50), ({ groups, ...rest }, causal, seed) => {
        const [q, k, v] = inputs({ ...rest, heads: rest.kvHeads * groups }, seed);
        expectClose(attend(q, k, v, { causal }), reference([q, k, v], { causal }).output, { atol: 1e-5 });
      }),
      { numRuns: 60 },
    );
  });
});

describe('the map', () => {
  test('rows sum to 1 and are not negative; hidden places are exactly 0', () => {
    const [q, k] = inputs(SIZES);
    const mask = randomMask([2, 1, 5, 5], { seed: 3, share: 1 });
    const map = valuesOf(attentionWeights(q, k, { mask, causal: true }));
    const visible = valuesOf(mask);
    for (let row = 0; row < map.length / 5; row++) {
      const weights = map.slice(row * 5, row * 5 + 5);
      const query = row % 5;
      const sees = weights.map((_, key) => key <= query && visible[Math.floor(row / 20) * 25 + query * 5 + key] === 1);
      weights.forEach((weight, key) => expect(sees[key] ? weight > 0 : Object.is(weight, 0)).toBe(true));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      expectClose(sum, sees.some(Boolean) ? 1 : 0, { atol: 1e-6 });
    }
  });

  test('scores of +-1e4 stay finite, forward and backward', () => {
    const [q, k, v] = inputs(SIZES).map((one) => mul(one, 100)) as [Tensor4D, Tensor4D, Tensor4D];
    const { value, gradients } = valueAndGradients(() => attend(q, k, v, { causal: true, scale: 1 }), [q, k, v]);
    for (const one of [value, ...gradients]) expect(valuesOf(one).every(Number.isFinite)).toBe(true);
  });

  test('a shift of the scores changes nothing', () => {
    const [q, k] = inputs(SIZES);
    expectClose(attentionWeights(q, k, { bias: scalar(50) }), attentionWeights(q, k), { atol: 1e-5 });
  });

  test('with q = 0 the output is the mean of what may be seen', () => {
    const [q, k, v] = inputs(SIZES);
    const output = valuesOf(attend(zeros(q.shape), k, v, { causal: true }));
    const values = valuesOf(v);
    for (let i = 0; i < 5; i++) {
      for (let d = 0; d < 3; d++) {
        let sum = 0;
        for (let j = 0; j <= i; j++) sum += values[j * 3 + d]!;
        expectClose(output[i * 3 + d]!, sum / (i + 1));
      }
    }
  });

  test('scores are divided by the root of headDim: their variance is about 1', () => {
    // The map of two keys tells the difference of their scores; of normal q and k each score has variance 1.
    const [q, k] = [randomTensor<Tensor4D>([1, 1, 4000, 16]), randomTensor<Tensor4D>([1, 1, 2, 16], { seed: 9 })];
    const map = valuesOf(attentionWeights(q, k));
    const differences = Array.from({ length: 4000 }, (_, i) => Math.log(map[2 * i]! / map[2 * i + 1]!));
    const keys = valuesOf(k);
    const length = keys.slice(0, 16).reduce((sum, value, i) => sum + (value - keys[16 + i]!) ** 2, 0);
    const variance = differences.reduce((sum, value) => sum + value ** 2, 0) / 4000;
    expect(variance / (length / 16)).toBeCloseTo(1, 1); // a missing root gives 16, a doubled one 1/16
  });
});

test('a query that may see no key gives zeros and passes no gradient', () => {
  const [q, k, v] = inputs(SIZES);
  const mask = tensor(
    Uint8Array.from({ length: 25 }, (_, i) => Number(Math.floor(i / 5) !== 2)),
    [5, 5],
    'bool',
  ); // query 2 sees nothing
  const bias = randomTensor([5, 5]);
  const { value, gradients } = valueAndGradients(() => attend(q, k, v, { mask, bias }), [q, k, v, bias]);
  const rows = (one: Tensor): number[] => valuesOf(slice(one as Tensor4D, [0, 0, 2, 0], [-1, -1, 1, -1]));
  expect(rows(value).every((x) => x === 0)).toBe(true);
  expect(rows(gradients[0]!).every((x) => x === 0)).toBe(true);
  expect(
    valuesOf(gradients[3]!)
      .slice(10, 15)
      .every((x) => x === 0),
  ).toBe(true);
  expect(valuesOf(gradients[0]!).some((x) => x !== 0)).toBe(true);
  const blind = valueAndGradients(() => attend(q, k, v, { mask: zeros([1, 1], 'bool') }), [q, k, v]);
  for (const one of [blind.value, ...blind.gradients]) expect(valuesOf(one).every((x) => x === 0)).toBe(true);
});

test('a key that no query sees gets no gradient', () => {
  const [q, k, v] = inputs(SIZES);
  const mask = tensor([[1, 1, 1, 1, 0]], [1, 5], 'bool');
  const { gradients } = valueAndGradients(() => attend(q, k, v, { mask }), [k, v]);
  for (const one of gradients)
    expect(valuesOf(slice(one as Tensor4D, [0, 0, 4, 0], [-1, -1, 1, -1])).every((x) => x === 0)).toBe(true);
});

describe('dropout', () => {
  test('drops weights of the map by the mask of its key; off outside of a scope', () => {
    const [q, k, v] = inputs(SIZES);
    expectSameBits(attend(q, k, v, { dropout: 0.5 }), attend(q, k, v));
    const key = threefry2x32(threefry2x32(randomKey(1, 'dropout'), [2, 0]), [0, 0]);
    const dropped = valuesOf(mul(attentionWeights(q, k), dropoutMask([2, 4, 5, 5], 0.4, key)));
    const values = valuesOf(v);
    const output = valuesOf(withDropout({ seed: 1, step: 2 }, () => attend(q, k, v, { dropout: 0.4 })));
    for (let row = 0; row < 40; row++) {
      for (let d = 0; d < 3; d++) {
        let sum = 0;
        for (let j = 0; j < 5; j++) sum += dropped[row * 5 + j]! * values[(Math.floor(row / 5) * 5 + j) * 3 + d]!;
        expectClose(output[row * 3 + d]!, sum, { atol: 1e-5 });
      }
    }
  });

  test('gradients', () => {
    const f = (...[q, k, v]: [Tensor4D, Tensor4D, Tensor4D]): Tensor =>
      withDropout({ seed: 1, step: 2 }, () => attend(q, k, v, { dropout: 0.4, causal: true }));
    expectGradients(f, inputs(SIZES), { directions: 3 });
  });
});

describe('selfAttend', () => {
  const qkv = (): Tensor3D => randomTensor<Tensor3D>([2, 5, 36]);

  test.each<[string, AttendOptions]>([
    ['plain', {}],
    ['causal', { causal: true }],
    ['scaled and windowed', { causal: true, window: 2, scale: 0.7 }],
    ['capped', { softCap: 0.3 }],
  ])('is attend on split heads: %s, value and gradient', (_, options) => {
    const input = qkv();
    const apart = (): Tensor3D =>
      tidy(() => {
        const [q, k, v] = split<Tensor3D>(input, 3, 2).map((part) => splitHeads(part, 4)) as [
          Tensor4D,
          Tensor4D,
          Tensor4D,
        ];
        return mergeHeads(attend(q, k, v, options));
      });
    const outputGradient = randomTensor([2, 5, 12]);
    const [fused, plain] = [() => selfAttend(input, { ...options, numHeads: 4 }), apart].map((f) =>
      valueAndGradients(f, [input], { outputGradient }),
    );
    expectClose(fused!.value, plain!.value);
    expectClose(fused!.gradients[0]!, plain!.gradients[0]!);
    expectOwned(() => selfAttend(input, { ...options, numHeads: 4 }));
  });

  test('masks, a bias and its gradient', () => {
    const [input, bias, mask] = [qkv(), randomTensor([4, 5, 5], { seed: 3 }), randomMask([2, 1, 1, 5], { seed: 4 })];
    expectGradients(
      (...[x, shift]: [Tensor3D, Tensor]) => selfAttend(x, { numHeads: 4, bias: shift, mask }),
      [input, bias],
    );
  });

  test('dropout uses the same mask as attend does', () => {
    const input = qkv();
    const run = (f: () => Tensor): Tensor => withDropout({ seed: 3, step: 1 }, f);
    const [q, k, v] = split<Tensor3D>(input, 3, 2).map((part) => splitHeads(part, 4)) as [Tensor4D, Tensor4D, Tensor4D];
    expectClose(
      run(() => selfAttend(input, { numHeads: 4, dropout: 0.5 })),
      run(() => mergeHeads(attend(q, k, v, { dropout: 0.5 }))),
    );
  });
});

describe('heads', () => {
  test('split and merge', () => {
    const x = tensor([
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
      ],
    ]) as Tensor3D;
    expectSameBits(splitHeads(x, 2), [0, 1, 4, 5, 2, 3, 6, 7]);
    expect(splitHeads(x, 2).shape).toEqual([1, 2, 2, 2]);
    expectSameBits(mergeHeads(splitHeads(x, 2)), x);
    expectOwned(() => splitHeads(x, 4));
  });

  test('many heads are many single heads', () => {
    const [q, k, v] = inputs({ ...SIZES, kvHeads: 2 });
    const all = attend(q, k, v, { causal: true });
    for (let h = 0; h < 4; h++) {
      const one = (x: Tensor4D, head: number): Tensor4D => slice(x, [0, head, 0, 0], [-1, 1, -1, -1]);
      expectClose(one(all, h), attend(one(q, h), one(k, h >> 1), one(v, h >> 1), { causal: true }));
    }
  });
});

test('the order of keys does not matter without positions', () => {
  const [q, k, v] = inputs(SIZES);
  const turn = (x: Tensor4D): Tensor4D => reverseKeys(x);
  expectClose(attend(q, turn(k), turn(v)), attend(q, k, v));
});

function reverseKeys(x: Tensor4D): Tensor4D {
  const parts = split(x, x.shape[2], 2).reverse();
  const [batch, heads, keys, dim] = x.shape;
  return transpose(
    tensor(
      parts.flatMap((part) => valuesOf(part)),
      [keys, batch, heads, dim],
    ),
    [1, 2, 0, 3],
  );
}

test('wrong shapes are told', async () => {
  const [q, k, v] = inputs(SIZES);
  const [wide, short, few] = [zeros([2, 4, 5, 4]), zeros([2, 4, 4, 3]), zeros([2, 3, 5, 3])] as [
    Tensor4D,
    Tensor4D,
    Tensor4D,
  ];
  const [qkv, x] = [zeros([1, 2, 10]), zeros([1, 2, 9])] as [Tensor3D, Tensor3D];
  await expectError(() => attend(q, wide, v), {
    code: 'shape',
    message: 'attend: k must be [2, kvHeads, keys, 3], got [2, 4, 5, 4]',
  });
  await expectError(() => attend(q, k, short), {
    code: 'shape',
    message: 'attend: v must be [2, 4, 5, valueDim], got [2, 4, 4, 3]',
  });
  await expectError(() => attend(q, few, few), {
    code: 'shape',
    message: 'attend: the heads of q must be a multiple of those of k, got 4 and 3',
  });
  await expectError(() => attend(qkv as unknown as Tensor4D, k, v), {
    code: 'shape',
    message: 'attend: q must be [batch, heads, queries, headDim], got [1, 2, 10]',
  });
  await expectError(() => attentionWeights(q, wide), {
    code: 'shape',
    message: 'attentionWeights: k must be [2, kvHeads, keys, 3], got [2, 4, 5, 4]',
  });
  await expectError(() => selfAttend(qkv, { numHeads: 2 }), {
    code: 'shape',
    message: 'selfAttend: qkv must be [batch, seq, 3 * dim] with 2 heads dividing dim, got [1, 2, 10]',
  });
  await expectError(() => splitHeads(x, 2), {
    code: 'shape',
    message: 'splitHeads: x must be [batch, seq, dim] with 2 heads dividing dim, got [1, 2, 9]',
  });
});

test('a bias far below every score hides as a mask does, and stays finite', () => {
  const [q, k, v] = inputs(SIZES);
  const bias = neg(mul(tensor([0, 0, 0, 1, 1], [1, 5]), fill([1, 5], 1e9)));
  const mask = tensor([1, 1, 1, 0, 0], [1, 5], 'bool');
  expectClose(attend(q, k, v, { bias }), attend(q, k, v, { mask }));
  expectClose(attend(q, k, v, { mask: ones([1, 1], 'bool') }), attend(q, k, v));
});
