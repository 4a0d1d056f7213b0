import { simd } from '@formers/backend-simd';
import { expect, test } from 'vitest';

import { useEngineForTests } from '../../../packages/testing/src/index.ts';
import { learnToAdd } from '../src/addition.ts';
import { learnToCopy } from '../src/copy.ts';

useEngineForTests(simd());

test.each([1, 2, 3])('100 of 100 unseen sequences are copied, seed %i', { timeout: 600_000 }, async (seed) => {
  expect(await learnToCopy({ seed })).toEqual({ exact: 100, asked: 100 });
});

test.each([1, 2])('99 of 100 unseen sums are right, seed %i', { timeout: 600_000 }, async (seed) => {
  const { exact, asked } = await learnToAdd({ seed });
  expect(exact / asked).toBeGreaterThanOrEqual(0.99);
});
