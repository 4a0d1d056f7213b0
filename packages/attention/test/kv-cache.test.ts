import { concat, slice, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectError, expectNoLeak, expectSameBits, randomTensor, useEngineForTests } from '../../testing/src/index.ts';
import { GrowingKVCache } from '../src/index.ts';

useEngineForTests();

const some = (tokens: number, seed = 0): Tensor4D => randomTensor<Tensor4D>([2, 3, tokens, 4], { seed });

test('gives back all that was added, layer by layer', () => {
  using cache = new GrowingKVCache();
  expect(cache.length).toBe(0);
  const [k1, v1, k2, v2] = [some(2, 1), some(2, 2), some(3, 3), some(3, 4)];
  const [k, v] = cache.layer(0).append(k1, v1);
  expectSameBits(k, k1);
  expectSameBits(v, v1);
  expect([cache.length, cache.layer(0).length, cache.layer(1).length]).toEqual([2, 2, 0]);
  const [allK, allV] = cache.layer(0).append(k2, v2);
  expectSameBits(allK, concat([k1, k2], 2));
  expectSameBits(allV, concat([v1, v2], 2));
  expect(cache.length).toBe(5);
});

test('what was added stays the caller`s, and what comes back the cache`s', async () => {
  const [k, v] = [some(2), some(2, 1)];
  await expectNoLeak(() => {
    using cache = new GrowingKVCache();
    tidy(() => void cache.layer(0).append(k, v)); // longer than the scope
    tidy(() => void cache.layer(0).append(k, v));
    tidy(() => void expect(cache.layer(0).append(k, v)[0].shape).toEqual([2, 3, 6, 4]));
  });
  expectSameBits(k, some(2));
});

test('crop forgets the last tokens, of every layer', () => {
  using cache = new GrowingKVCache();
  const [k, v] = [some(5), some(5, 1)];
  for (const layer of [0, 1]) cache.layer(layer).append(k, v);
  cache.crop(9);
  expect(cache.length).toBe(5);
  cache.crop(3);
  expect([cache.length, cache.layer(1).length]).toEqual([3, 3]);
  const [more] = cache.layer(1).append(some(1, 7), some(1, 8));
  expectSameBits(more, concat([slice(k, [0, 0, 0, 0], [-1, -1, 3, -1]), some(1, 7)], 2));
  cache.crop(0);
  expect(cache.length).toBe(0);
});

test('can be used again after dispose, which may be called twice', async () => {
  await expectNoLeak(() => {
    const cache = new GrowingKVCache();
    tidy(() => void cache.layer(0).append(some(2), some(2)));
    cache.dispose();
    cache.dispose();
    tidy(() => void cache.layer(0).append(some(1), some(1)));
    expect(cache.length).toBe(1);
    cache.dispose();
  });
});

test('another batch size is told, and the cache stays as it was', async () => {
  using cache = new GrowingKVCache();
  cache.layer(0).append(some(2), some(2));
  const one = randomTensor<Tensor4D>([1, 3, 1, 4]);
  await expectError(() => cache.layer(0).append(one, one), {
    code: 'shape',
    message: 'KVCache: k must have the batch size 2 that the cache holds, got 1',
  });
  expect(cache.length).toBe(2);
});

test('selectRows orders, repeats and drops rows of the batch, in every layer', async () => {
  using cache = new GrowingKVCache();
  const [k, v] = [some(2), some(2, 1)];
  for (const layer of [0, 1]) cache.layer(layer).append(k, v);
  cache.selectRows([1, 1, 0]);
  const row = (x: Tensor4D, i: number): Tensor4D => slice(x, [i, 0, 0, 0], [1, 3, 2, 4]);
  const none = tidy(() => slice(concat([k, row(k, 0)], 0), [0, 0, 0, 0], [3, 3, 0, 4])) as Tensor4D;
  for (const layer of [0, 1]) {
    const [heldK, heldV] = cache.layer(layer).append(none, none);
    expectSameBits(heldK, concat([row(k, 1), row(k, 1), row(k, 0)], 0));
    expectSameBits(heldV, concat([row(v, 1), row(v, 1), row(v, 0)], 0));
  }
  await expectError(() => cache.selectRows([3]), {
    code: 'value',
    message: /rows must be among the 3 of the cache, got \[3\]/,
  });
  await expectError(() => cache.selectRows([]), { code: 'value', message: /got \[\]/ });
});
