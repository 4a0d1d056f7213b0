import { readFileSync } from 'node:fs';

import { RandomStream, valueAndGradients } from '@formers/backend';
import { slice, type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectOwned,
  expectSameBits,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { relativeBucket, RelativePositionBias } from '../src/index.ts';

useEngineForTests();

/** Buckets of the distances -600 to 600 as PyTorch has them, each with how often it comes in a row. Made by by-hand/make-tables.py. */
interface Table {
  numBuckets: number;
  maxDistance: number;
  bidirectional: boolean;
  runs: [bucket: number, count: number][];
}

const tables = JSON.parse(readFileSync(new URL('fixtures/t5-buckets.json', import.meta.url), 'utf8')) as Table[];

describe('relativeBucket', () => {
  test.each(tables)('$numBuckets buckets up to $maxDistance, bidirectional $bidirectional', ({ runs, ...options }) => {
    const expected = runs.flatMap(([bucket, count]) => new Array<number>(count).fill(bucket));
    expect(expected).toHaveLength(1201);
    expect(expected.map((_, i) => relativeBucket(i - 600, options))).toEqual(expected);
  });

  test('by hand: 8 buckets up to 16, later keys in the upper half', () => {
    const found = [-20, -8, -5, -4, -2, -1, 0, 1, 2, 4, 7, 20].map((distance) =>
      relativeBucket(distance, { numBuckets: 8, maxDistance: 16 }),
    );
    expect(found).toEqual([3, 3, 2, 2, 2, 1, 0, 5, 6, 6, 7, 7]); // the border is at 2 * sqrt(16 / 2), 5.7
  });

  test('the defaults are those of T5', () => {
    const options = { numBuckets: 32, maxDistance: 128, bidirectional: true };
    for (const distance of [-127, -90, 3, 40, 128])
      expect(relativeBucket(distance)).toBe(relativeBucket(distance, options));
  });

  test('a small maxDistance is refused only for the distances that have no bucket in Transformers either', async () => {
    const near = Array.from({ length: 15 }, (_, i) => relativeBucket(i - 7, { maxDistance: 8 }));
    expect(near).toEqual([7, 6, 5, 4, 3, 2, 1, 0, 17, 18, 19, 20, 21, 22, 23]);
    for (const distance of [8, -8, 9, 100])
      await expectError(() => relativeBucket(distance, { maxDistance: 8 }), {
        code: 'config',
        message: `maxDistance over 8 for a distance of ${distance}, got 32 and 8`,
      });
    // Below that, the buckets of T5Attention._relative_position_bucket run backwards until there are none.
    const options = { numBuckets: 8, maxDistance: 1, bidirectional: false };
    const places = [3, 4, 5, 6, 7, 8, 12, 16, 17].map((away) => relativeBucket(-away, options));
    expect(places).toEqual([3, 4, 4, 3, 3, 2, 1, 0, 0]);
    await expectError(() => relativeBucket(-40, options), { code: 'config', message: 'maxDistance over 4' });
    expect(relativeBucket(40, { ...options, numBuckets: 16, bidirectional: true })).toBe(8 - 2);
  });

  test.each([
    [{ numBuckets: 2 }, 'numBuckets must be at least 4 and maxDistance over 0, got 2 and 128'],
    [{ numBuckets: 1, bidirectional: false }, 'numBuckets must be at least 2 and maxDistance over 0, got 1 and 128'],
    [{ maxDistance: 0 }, 'numBuckets must be at least 4 and maxDistance over 0, got 32 and 0'],
  ])('refuses %o', async (options, message) => {
    await expectError(() => relativeBucket(1, options), { code: 'config', message: `relativeBucket: ${message}` });
    await expectError(() => new RelativePositionBias({ numHeads: 1, random: null, ...options }), {
      code: 'config',
      message,
    });
  });
});

describe('RelativePositionBias', () => {
  /** The number of a head is 100 · head + bucket. */
  const make = (bidirectional: boolean): RelativePositionBias => {
    const bias = new RelativePositionBias({ numHeads: 2, numBuckets: 8, maxDistance: 20, bidirectional, random: null });
    bias.weight.assign(tensor2d(Array.from({ length: 8 }, (_, bucket) => [bucket, 100 + bucket])));
    return bias;
  };

  test.each([true, false])('each score has the number of its bucket: bidirectional %s', (bidirectional) => {
    using bias = make(bidirectional);
    const [queries, keys] = [5, 7];
    const found = bias.call({ queries, keys, offset: 1 });
    expect(found.shape).toEqual([1, 2, queries, keys]);
    const expected = [0, 100].flatMap((head) =>
      Array.from({ length: queries }, (_, query) =>
        Array.from(
          { length: keys },
          (__, key) => head + relativeBucket(key - (query + 1), { numBuckets: 8, maxDistance: 20, bidirectional }),
        ),
      ).flat(),
    );
    expectSameBits(found, expected);
    expectOwned(() => bias.call({ queries, keys }));
  });

  test('with a cache: the row of a query is the same, alone or among all', () => {
    using bias = make(false);
    const whole = bias.call({ queries: 6, keys: 6 });
    expectSameBits(bias.call({ queries: 1, keys: 6 }), slice(whole, [0, 0, 5, 0], [1, 2, 1, 6]));
    expectSameBits(bias.call({ queries: 2, keys: 6, offset: 3 }), slice(whole, [0, 0, 3, 0], [1, 2, 2, 6]));
  });

  test('it depends on the distance alone', () => {
    using bias = make(true);
    const found = valuesOf(bias.call({ queries: 9, keys: 9 }));
    for (let query = 1; query < 9; query++)
      for (let key = 1; key < 9; key++) expect(found[query * 9 + key]).toBe(found[(query - 1) * 9 + key - 1]);
  });

  test('the gradient counts how often a bucket is used', () => {
    using bias = make(true);
    const { gradients } = valueAndGradients(() => bias.call({ queries: 2, keys: 2 }), [bias.weight]);
    expectSameBits(gradients[0] as Tensor, [2, 2, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]); // distances 0 0, -1, 1
  });

  test('starts with a standard deviation of 0.02', () => {
    using bias = new RelativePositionBias({ numHeads: 64, random: new RandomStream(1, 'init') });
    expect(bias.weight.shape).toEqual([32, 64]);
    const values = valuesOf(bias.weight);
    const std = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    expectClose(std, 0.02, { rtol: 0.05 });
  });
});
