import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { expectClose, expectError, useEngineForTests } from '../../testing/src/index.ts';
import { ropeFromHuggingFace, rotaryFrequencies, RotaryPositions } from '../src/index.ts';

useEngineForTests();

/** What Hugging Face makes of a config, at positions 1, 40 and 999 of 1000. Made by by-hand/make-tables.py. */
interface Row {
  config: Record<string, unknown>;
  attentionFactor: number;
  frequencies: number[];
  cos: number[][];
  sin: number[][];
}

const rows = JSON.parse(readFileSync(new URL('fixtures/rope.json', import.meta.url), 'utf8')) as Row[];

test.each(rows.map((row) => [JSON.stringify(row.config), row] as const))('%s', (_, row) => {
  const config = ropeFromHuggingFace(row.config);
  const { frequencies, attentionFactor } = rotaryFrequencies(config, { length: 1000 });
  expectClose(frequencies, row.frequencies, { rtol: 3e-7, atol: 0 });
  expectClose(attentionFactor, row.attentionFactor, { rtol: 1e-12, atol: 0 });
  for (const [i, position] of [1, 40, 999].entries()) {
    const { cos, sin } = new RotaryPositions(config).angles(1, { offset: position, length: 1000 });
    const atol = position * 1.2e-7 * attentionFactor + 2e-7; // a last bit of a frequency, so far from the start
    expectClose(cos, row.cos[i]!, { rtol: 0, atol });
    expectClose(sin, row.sin[i]!, { rtol: 0, atol });
  }
});

const sizes = { hidden_size: 64, num_attention_heads: 4, max_position_embeddings: 128 };

describe('spellings', () => {
  test('the old and the new one give the same', () => {
    const yarn = { factor: 4, beta_fast: 24, original_max_position_embeddings: 32 };
    const expected = {
      headDim: 16,
      theta: 20_000,
      scaling: { type: 'yarn', factor: 4, betaFast: 24, originalContextLength: 32 },
    };
    for (const spelt of [
      { rope_parameters: { rope_type: 'yarn', rope_theta: 20_000, ...yarn } },
      { rope_theta: 20_000, rope_scaling: { rope_type: 'yarn', ...yarn } },
      { rope_theta: 20_000, rope_scaling: { type: 'yarn', ...yarn } },
    ])
      expect(ropeFromHuggingFace({ ...sizes, ...spelt })).toEqual(expected);
  });

  test('nothing about rope at all is plain rope; null is nothing', () => {
    expect(ropeFromHuggingFace(sizes)).toEqual({ headDim: 16 });
    expect(ropeFromHuggingFace({ ...sizes, head_dim: null, rope_scaling: null })).toEqual({ headDim: 16 });
  });

  test("su is longrope's first name", () => {
    const factors = { short_factor: [1, 1], long_factor: [2, 3] };
    const config = { head_dim: 4, max_position_embeddings: 128, original_max_position_embeddings: 32 };
    const su = ropeFromHuggingFace({ ...config, rope_scaling: { type: 'su', ...factors } });
    expect(su.scaling).toEqual({
      ...{ type: 'longrope', factor: 4, originalContextLength: 32 },
      ...{ shortFactors: [1, 1], longFactors: [2, 3] },
    });
    expect(su).toEqual(ropeFromHuggingFace({ ...config, rope_scaling: { rope_type: 'longrope', ...factors } }));
  });

  test('GPT-J: rotary_dim, n_embd and n_head', () => {
    expect(ropeFromHuggingFace({ n_embd: 64, n_head: 4, rotary_dim: 8 })).toEqual({ headDim: 16, rotaryDim: 8 });
  });

  test('layers that differ', async () => {
    const config = {
      ...sizes,
      rope_parameters: {
        full_attention: { rope_type: 'linear', rope_theta: 1_000_000, factor: 8 },
        sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
      },
    };
    expect(ropeFromHuggingFace(config, { layerType: 'sliding_attention' })).toEqual({ headDim: 16, theta: 10_000 });
    expect(ropeFromHuggingFace(config, { layerType: 'full_attention' })).toEqual({
      headDim: 16,
      theta: 1_000_000,
      scaling: { type: 'linear', factor: 8 },
    });
    await expectError(() => ropeFromHuggingFace(config), {
      code: 'config',
      message: 'ropeFromHuggingFace: layerType must be one of full_attention, sliding_attention, got none',
    });
  });
});

test.each<[Record<string, unknown>, string]>([
  [{}, 'config must have head_dim, or hidden_size and num_attention_heads'],
  [{ head_dim: '16' }, 'head_dim must be a number, got "16"'],
  [{ head_dim: 4, rope_scaling: [1] }, 'rope_parameters must be an object, got [1]'],
  [{ head_dim: 4, rope_scaling: { type: 'linear' } }, 'factor must be a number, got undefined'],
  [
    { head_dim: 4, rope_scaling: { type: 'yarn', factor: 2 } },
    'max_position_embeddings must be a number, got undefined',
  ],
  [
    { head_dim: 4, max_position_embeddings: 8, rope_scaling: { type: 'yarn', factor: 2, truncate: 1 } },
    'truncate must be true or false, got 1',
  ],
  [
    { head_dim: 4, max_position_embeddings: 8, rope_scaling: { type: 'longrope', short_factor: [1, 'x'] } },
    'short_factor must be a list of numbers, got [1,"x"]',
  ],
  [{ head_dim: 4, rope_scaling: { type: 3 } }, 'rope_type must be a text, got 3'],
  [
    { head_dim: 4, rope_scaling: { type: 'mrope' } },
    'rope_type must be default, linear, dynamic, yarn, llama3, longrope or proportional, got mrope',
  ],
])('refuses %o', async (config, message) => {
  await expectError(() => ropeFromHuggingFace(config), { code: 'config', message: `ropeFromHuggingFace: ${message}` });
});
