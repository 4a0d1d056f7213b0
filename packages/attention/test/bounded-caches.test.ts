import {
  cast,
  greater,
  randomUniform,
  reshape,
  slice,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  tidy,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { RandomStream } from '@formers/backend';
import { normal } from '@formers/nn';
import { expectClose, expectError, expectNoLeak, randomTensor, useEngineForTests } from '../../testing/src/index.ts';
import {
  causalPaddingMask,
  FusedSelfAttention,
  GrowingKVCache,
  type KVCache,
  MultiHeadAttention,
  SlidingKVCache,
  StaticKVCache,
} from '../src/index.ts';

useEngineForTests();

const [dim, numHeads, seq] = [8, 2, 9];
const input = (batch = 2): Tensor3D => randomTensor<Tensor3D>([batch, seq, dim], { seed: 3 });

/** Two kinds of causal self-attention, with a window or without. */
const KINDS = ([undefined, 3] as const).flatMap((window) => [
  {
    name: `multi-head, window ${window}`,
    create: (limit = window) =>
      new MultiHeadAttention({
        dim,
        numHeads,
        numKvHeads: 1,
        causal: true,
        window: limit,
        init: normal(0.5),
        random: new RandomStream(1, 'init'),
      }),
  },
  {
    name: `fused, window ${window}`,
    create: (limit = window) =>
      new FusedSelfAttention({
        dim,
        numHeads,
        causal: true,
        window: limit,
        init: normal(0.5),
        random: new RandomStream(1, 'init'),
      }),
  },
]);

/** The output for x, given in parts of these sizes. */
function inParts(
  attention: MultiHeadAttention | FusedSelfAttention,
  x: Tensor3D,
  { cache, parts, attentionMask }: { cache: KVCache; parts: readonly number[]; attentionMask?: Tensor2D },
): number[][] {
  const outputs: number[][] = [];
  let from = 0;
  for (const size of parts) {
    const part = slice(x, [0, from, 0], [-1, size, -1]);
    from += size;
    const masks = attentionMask && {
      ...causalPaddingMask(slice(attentionMask, [0, 0], [-1, from]), size),
      causal: false,
    };
    const y = attention.call(part, { ...masks, cache: cache.layer(0) });
    const values = y.arraySync();
    values.forEach((row, i) => (outputs[i] ??= []).push(...row.flat()));
  }
  return outputs;
}

const SPLITS = [[9], [1, 1, 1, 1, 1, 1, 1, 1, 1], [5, 1, 3], [2, 7]];

describe.each(KINDS)('$name', ({ create }) => {
  test.each(SPLITS)('a static cache gives what no cache gives, parts of %j', (...parts) => {
    using attention = create();
    using cache = new StaticKVCache({ maxLength: 12 });
    const x = input();
    expectClose(inParts(attention, x, { cache, parts }).flat(), attention.call(x), { atol: 1e-6, rtol: 1e-5 });
    expect(cache.length).toBe(seq);
  });

  test.each(SPLITS)('with padding on the left too, parts of %j', (...parts) => {
    using attention = create();
    using cache = new StaticKVCache({ maxLength: 12 });
    using growing = new GrowingKVCache();
    const attentionMask = tensor2d([new Array<number>(seq).fill(1), [0, 0, 1, 1, 1, 1, 1, 1, 1]], [2, seq], 'int32');
    const x = input();
    expectClose(
      inParts(attention, x, { cache, parts, attentionMask }).flat(),
      inParts(attention, x, { cache: growing, parts, attentionMask }).flat(),
      { atol: 1e-6, rtol: 1e-5 },
    );
  });

  test.each(SPLITS)('a sliding cache gives what a window gives, parts of %j', (...parts) => {
    using attention = create();
    using windowed = create(3);
    using cache = new SlidingKVCache({ window: 3 });
    const x = input();
    expectClose(inParts(attention, x, { cache, parts }).flat(), windowed.call(x), { atol: 1e-6, rtol: 1e-5 });
    expect(cache.length).toBe(seq);
  });
});

test('a sliding cache with padding sees the same tokens as a window without it', () => {
  using attention = KINDS[0]!.create();
  const x = input(1);
  const attentionMask = tensor2d([[0, 0, 1, 1, 1, 1, 1, 1, 1]], [1, seq], 'int32');
  using padded = new SlidingKVCache({ window: 4 });
  using plain = new SlidingKVCache({ window: 4 });
  const all = inParts(attention, x, { cache: padded, parts: [4, 1, 4], attentionMask })[0]!.slice(2 * dim);
  const alone = inParts(attention, slice(x, [0, 2, 0], [-1, 7, -1]), { cache: plain, parts: [7] })[0]!;
  expectClose(all, alone, { atol: 1e-6, rtol: 1e-5 });
});

test('a mask of one column and a bias of one column leave the room of a static cache unseen', () => {
  using attention = new MultiHeadAttention({ dim, numHeads, init: normal(0.5), random: new RandomStream(1, 'init') });
  using cache = new StaticKVCache({ maxLength: 20 });
  const x = input();
  const visible = tidy(() => cast(greater(randomUniform([2, 1, seq, 1]), -1), 'bool'));
  const bias = reshape(randomTensor([2 * seq], { seed: 2 }), [2, 1, seq, 1]);
  expectClose(attention.call(x, { cache: cache.layer(0), mask: visible, bias }), attention.call(x), {
    atol: 1e-6,
    rtol: 1e-5,
  });
});

describe('crop and rows', () => {
  test('a static cache goes on from where it was cropped, with the rows that were chosen', () => {
    using attention = KINDS[0]!.create();
    using cache = new StaticKVCache({ maxLength: 9 });
    const x = input();
    inParts(attention, x, { cache, parts: [7] });
    cache.crop(4);
    cache.selectRows([1, 1]);
    const part = slice(x, [1, 4, 0], [1, 5, -1]);
    const whole = attention
      .call(slice(x, [1, 0, 0], [1, -1, -1]))
      .arraySync()[0]!
      .slice(4);
    const y = attention.call(
      tidy(
        () =>
          reshape(
            [part, part].map((p) => p.arraySync()),
            [2, 5, dim],
          ) as Tensor3D,
      ),
      { cache: cache.layer(0) },
    );
    for (const row of y.arraySync()) expectClose(row.flat(), whole.flat(), { atol: 1e-6, rtol: 1e-5 });
  });

  test('a sliding cache that has dropped tokens forgets all when it is cropped', () => {
    using attention = KINDS[0]!.create();
    using cache = new SlidingKVCache({ window: 5 });
    inParts(attention, input(), { cache, parts: [4] });
    cache.crop(2);
    expect(cache.length).toBe(2); // nothing was dropped yet
    inParts(attention, input(), { cache, parts: [6] });
    expect(cache.length).toBe(8);
    cache.crop(9);
    expect(cache.length).toBe(8);
    cache.crop(7);
    expect(cache.length).toBe(0);
  });

  test('neither leaks', async () => {
    using attention = KINDS[0]!.create();
    const x = input();
    await expectNoLeak(() => {
      for (const cache of [new StaticKVCache({ maxLength: 9 }), new SlidingKVCache({ window: 3 })]) {
        tidy(() => void inParts(attention, x, { cache, parts: [4, 1] }));
        cache.selectRows([1, 0]);
        cache.crop(1);
        tidy(() => void inParts(attention, x, { cache, parts: [1] }));
        cache.dispose();
        cache.dispose();
      }
    });
  });
});

test('a static cache that is full says so, and stays as it was', async () => {
  using attention = KINDS[0]!.create();
  using cache = new StaticKVCache({ maxLength: 5 });
  inParts(attention, input(), { cache, parts: [4] });
  await expectError(() => tidy(() => void inParts(attention, input(), { cache, parts: [2] })), {
    code: 'shape',
    message: 'room for 5 tokens, got 6',
  });
  expect(cache.length).toBe(4);
});

test.each([0, -1, 1.5, NaN])('a size of %d is refused', async (size) => {
  await expectError(() => new StaticKVCache({ maxLength: size }), { code: 'value', message: 'maxLength must be' });
  await expectError(() => new SlidingKVCache({ window: size }), { code: 'value', message: 'window must be' });
});
