import { RandomStream } from '@formers/backend';
import { normal } from '@formers/nn';
import { concat, slice, type Tensor2D, tensor2d, type Tensor3D, type Tensor4D } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { alibiBias, RelativePositionBias, RotaryPositions } from '../../positional/src/index.ts';
import { expectClose, randomTensor, useEngineForTests, valuesOf } from '../../testing/src/index.ts';
import {
  FusedSelfAttention,
  GrowingKVCache,
  MultiHeadAttention,
  type SelfAttentionOptions,
  StaticKVCache,
} from '../src/index.ts';

useEngineForTests();

const [dim, numHeads, seq] = [16, 4, 9];
const x = (): Tensor3D => randomTensor<Tensor3D>([2, seq, dim]);

/** An attention and the positions that its tokens have. */
interface Placed extends Disposable {
  call(x: Tensor3D, options?: SelfAttentionOptions): Tensor3D;
}

const modules = {
  MultiHeadAttention: (rotary?: RotaryPositions): Placed => new MultiHeadAttention({ ...sizes(), rotary }),
  FusedSelfAttention: (rotary?: RotaryPositions): Placed => new FusedSelfAttention({ ...sizes(), rotary }),
};

function sizes(): {
  dim: number;
  numHeads: number;
  causal: true;
  init: ReturnType<typeof normal>;
  random: RandomStream;
} {
  return { dim, numHeads, causal: true, init: normal(0.5), random: new RandomStream(1, 'init') };
}

/** How positions reach an attention: by turning its heads, or as a bias of the scores. */
interface Positions {
  readonly rotary?: RotaryPositions;
  readonly bias?: (queries: number, keys: number) => Tensor4D;
  readonly relative?: RelativePositionBias;
}

const kinds = {
  RotaryPositions: (): Positions => ({ rotary: new RotaryPositions({ headDim: dim / numHeads }) }),
  alibiBias: (): Positions => ({ bias: (queries, keys) => alibiBias({ numHeads, queries, keys }) }),
  RelativePositionBias: (): Positions => {
    const options = { numHeads, numBuckets: 6, maxDistance: 8, bidirectional: false, init: normal(1) };
    const relative = new RelativePositionBias({ ...options, random: new RandomStream(2, 'init') });
    return { relative, bias: (queries, keys) => relative.call({ queries, keys }) };
  },
};

const caches = {
  growing: () => new GrowingKVCache(),
  static: () => new StaticKVCache({ maxLength: seq + 3 }),
};

const cases = Object.keys(modules).flatMap((module) => Object.keys(kinds).map((kind) => [kind, module])) as [
  keyof typeof kinds,
  keyof typeof modules,
][];

describe.each(cases)('%s with %s', (kind, module) => {
  test('positions matter', () => {
    const { rotary, bias, relative } = kinds[kind]();
    using owned = new DisposableStack();
    owned.use(relative);
    using attention = modules[module](rotary);
    using plain = modules[module]();
    const [placed, unplaced] = [attention.call(x(), { bias: bias?.(seq, seq) }), plain.call(x())].map(valuesOf);
    expect(Math.max(...placed!.map((value, i) => Math.abs(value - unplaced![i]!)))).toBeGreaterThan(0.01);
  });

  test.each(Object.keys(caches) as (keyof typeof caches)[])('in parts with a %s cache as at once', (name) => {
    const { rotary, bias, relative } = kinds[kind]();
    using owned = new DisposableStack();
    owned.use(relative);
    using attention = modules[module](rotary);
    const full = attention.call(x(), { bias: bias?.(seq, seq) });
    for (const lengths of [[9], [1, 1, 1, 1, 1, 1, 1, 1, 1], [4, 5], [1, 8], [8, 1], [2, 1, 5, 1]]) {
      using cache = caches[name]();
      let start = 0;
      const parts = lengths.map((length) => {
        const from = start;
        start += length;
        return attention.call(slice(x(), [0, from, 0], [-1, length, -1]), {
          cache: cache.layer(0),
          bias: bias?.(length, start),
        });
      });
      expectClose(concat(parts, 1), full, { rtol: 1e-4, atol: 1e-5 });
    }
  });
});

describe.each(Object.keys(modules) as (keyof typeof modules)[])(
  'position ids of rotary positions with %s',
  (module) => {
    const ids = (row: number[]): Tensor2D => tensor2d([row], [1, row.length], 'int32');
    const rotary = (): RotaryPositions => new RotaryPositions({ headDim: dim / numHeads });

    test('only distances count: all moved by 5 is as before, wider apart is not', () => {
      using attention = modules[module](rotary());
      const at = (place: (i: number) => number): Tensor3D =>
        attention.call(x(), { positionIds: ids(Array.from({ length: seq }, (_, i) => place(i))) });
      const plain = attention.call(x());
      expectClose(
        at((i) => i),
        plain,
        { atol: 1e-6 },
      );
      expectClose(
        at((i) => i + 5),
        plain,
        { rtol: 1e-4, atol: 1e-5 },
      );
      const wide = valuesOf(at((i) => 2 * i));
      expect(Math.max(...valuesOf(plain).map((value, i) => Math.abs(value - wide[i]!)))).toBeGreaterThan(0.01);
    });

    test('with a cache they go on where the caller says', () => {
      using attention = modules[module](rotary());
      const places = [0, 2, 3, 7, 8, 9, 10, 14, 15];
      const full = attention.call(x(), { positionIds: ids(places) });
      using cache = new GrowingKVCache();
      const [first, rest] = [
        [0, 4],
        [4, 5],
      ].map(([from = 0, length = 0]) =>
        attention.call(slice(x(), [0, from, 0], [-1, length, -1]), {
          cache: cache.layer(0),
          positionIds: ids(places.slice(from, from + length)),
        }),
      );
      expectClose(concat([first!, rest!], 1), full, { rtol: 1e-4, atol: 1e-5 });
    });
  },
);

test('both attentions turn heads alike', () => {
  const rotary = new RotaryPositions({ headDim: dim / numHeads });
  using fused = new FusedSelfAttention({ ...sizes(), rotary });
  using apart = new MultiHeadAttention({ ...sizes(), rotary });
  [apart.query, apart.key, apart.value].forEach(({ weight }, i) =>
    weight.assign(slice(fused.queryKeyValue.weight, [i * dim, 0], [dim, -1])),
  );
  apart.output.weight.assign(fused.output.weight);
  expectClose(fused.call(x()), apart.call(x()), { atol: 1e-5 });
});
