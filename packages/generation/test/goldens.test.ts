import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { GPT } from '@formers/gpt';
import { describe, expect, it } from 'vitest';

import { generate, parseGenerationConfig } from '../src/index.ts';
import { useEngineAndCheckLeaks } from './support/leak-check.ts';

useEngineAndCheckLeaks();

const fixtures = new URL('../../../../shared/fixtures/generation/', import.meta.url);

interface GoldenCase {
  readonly name: string;
  readonly options: object;
  readonly input_ids: number[][];
  readonly attention_mask?: number[][];
  readonly sequences: number[][];
  readonly sequences_scores?: number[];
  readonly transition_scores: (number | null)[][];
}

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, fixtures), 'utf8'));

describe.skipIf(!existsSync(fixtures))('generation goldens of Hugging Face (need ../shared/fixtures)', () => {
  it.each(['gpt2', 'gpt2-leftpad'])('%s', async (folder) => {
    using model = await GPT.fromPretrained(fileURLToPath(new URL(folder, fixtures)));
    const generationConfig = parseGenerationConfig(read(`${folder}/generation_config.json`));
    const cases = read(`${folder}/cases.json`) as GoldenCase[];
    expect(cases.length).toBeGreaterThan(0);
    for (const golden of cases) {
      const options = {
        generationConfig,
        ...parseGenerationConfig(golden.options),
        attentionMask: golden.attention_mask,
      };
      const { sequences, sequenceScores = [], scores } = await generate(model, golden.input_ids, options);
      expect({ [golden.name]: sequences }).toEqual({ [golden.name]: golden.sequences });
      expectClose(sequenceScores, golden.sequences_scores ?? [], { tolerance: 1e-4, name: golden.name });
      for (const [row, found] of scores.entries()) {
        // After the end of a row the fixture goes on with the scores of padding.
        expectClose(found, golden.transition_scores[row]!.slice(0, found.length), {
          tolerance: 1e-3,
          name: golden.name,
        });
      }
    }
  });
});

function expectClose(
  found: readonly number[],
  wanted: readonly (number | null)[],
  { tolerance, name }: { tolerance: number; name: string },
): void {
  expect({ [name]: found.length }).toEqual({ [name]: wanted.length });
  for (const [i, value] of wanted.entries()) {
    const isClose = value !== null && Math.abs(found[i]! - value) <= tolerance + tolerance * Math.abs(value);
    expect(isClose ? '' : `${name}: ${found[i]} instead of ${value}`).toBe('');
  }
}
