import { existsSync, readFileSync } from 'node:fs';

import { cpu, useBackend } from '@formers/backend';
import { memory } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { generate, type GenerateOptions, parseGenerationConfig } from '../src/index.ts';
// The architectures stand above this package in the import table, so this test reaches for the sources.
import { GPT } from '../../gpt/src/index.ts';

const fixtures = new URL('../../../../shared/fixtures/generation/', import.meta.url);
const isThere = existsSync(fixtures);

beforeAll(async () => {
  await useBackend(cpu());
});

interface GoldenCase {
  name: string;
  options: Record<string, unknown>;
  input_ids: number[][];
  attention_mask?: number[][];
  sequences: number[][];
  sequences_scores?: number[];
  transition_scores: (number | null)[][];
}

describe.skipIf(!isThere)('generation goldens of Hugging Face (need ../shared/fixtures)', () => {
  for (const folder of isThere ? ['gpt2', 'gpt2-leftpad'] : []) {
    describe(folder, () => {
      const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`${folder}/${name}`, fixtures), 'utf8'));
      const generationConfig = isThere ? parseGenerationConfig(read('generation_config.json')) : {};
      for (const golden of read('cases.json') as GoldenCase[]) {
        it(golden.name, async () => {
          using model = await GPT.fromPretrained(new URL(folder, fixtures).pathname);
          const options: GenerateOptions = {
            generationConfig,
            ...parseGenerationConfig(golden.options),
            attentionMask: golden.attention_mask,
          };
          const { sequences, sequenceScores, scores, newTokens } = await generate(model, golden.input_ids, options);
          expect(sequences).toEqual(golden.sequences);
          if (golden.sequences_scores) expectClose(sequenceScores ?? [], golden.sequences_scores, 1e-4);
          for (const [row, found] of scores.entries()) {
            expect(found).toHaveLength(newTokens[row]!.length);
            // After the end of a row the fixture goes on with the scores of padding.
            expectClose(found, golden.transition_scores[row]!.slice(0, found.length), 1e-3);
          }
        });
      }
    });
  }
});

function expectClose(found: readonly number[], wanted: readonly (number | null)[], tolerance: number): void {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) {
    expect(Math.abs(found[i]! - (value ?? NaN))).toBeLessThanOrEqual(tolerance + tolerance * Math.abs(value ?? NaN));
  }
}

describe('memory', () => {
  it('holds no tensors after the goldens', () => {
    expect(memory().numTensors).toBe(0);
  });
});
