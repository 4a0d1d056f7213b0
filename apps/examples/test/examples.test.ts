import { simd } from '@formers/backend-simd';
import { describe, expect, test } from 'vitest';

import { useEngineForTests } from '../../../packages/testing/src/index.ts';
import { learnToAdd } from '../src/addition.ts';
import { learnToCopy } from '../src/copy.ts';
import { learnToPronounce } from '../src/pronunciation.ts';

/* A part of each run, which shows that it learns; examples.long.test.ts has whole ones. */

useEngineForTests(simd());

const log = (line: string): void => void line;

describe('after a part of its training', () => {
  test('the Transformer copies most sequences', { timeout: 300_000 }, async () => {
    const { exact, asked } = await learnToCopy({ seed: 1, steps: 250, log });
    expect(asked).toBe(100);
    expect(exact).toBeGreaterThan(50);
  });

  test('the GPT adds some numbers', { timeout: 300_000 }, async () => {
    const { exact, asked } = await learnToAdd({ seed: 1, steps: 150, log });
    expect(asked).toBe(10_000);
    expect(exact).toBeGreaterThan(100); // by chance one in 2,000 is right
  });

  test('the Transformer spells most phonemes', { timeout: 300_000 }, async () => {
    const { phonemeErrorRate, wordErrorRate } = await learnToPronounce({ seed: 1, steps: 120, words: 128, log });
    expect(phonemeErrorRate).toBeLessThan(0.7);
    expect(wordErrorRate).toBeLessThan(1);
  });
});
