import { fileURLToPath } from 'node:url';

import { GPT } from '@formers/gpt';
import { describe, expect, it } from 'vitest';

import { generate, type GenerateOptions } from '../src/index.ts';
import { useEngineAndCheckLeaks } from './support/leak-check.ts';
import { tableModel } from './support/toy-models.ts';

useEngineAndCheckLeaks();

const folder = fileURLToPath(new URL('../../gpt/test/fixtures/gpt2-lm', import.meta.url));
const PROMPT = [51, 38, 52, 19, 47, 40];

describe('classifier-free guidance', () => {
  // What `generate` of Transformers 5.23.0 writes with this model, do_sample=False and no end token (2026-11-23).
  it.each<[GenerateOptions, number[]]>([
    [{ guidanceScale: 1.5 }, [55, 86, 16, 91, 11, 11, 11, 5, 5, 96, 2, 16]],
    [{ guidanceScale: 3 }, [91, 91, 91, 91, 11, 48, 24, 91, 16, 58, 37, 14]],
    [{ guidanceScale: 0.5 }, [92, 92, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16]],
    [{ guidanceScale: 2, negativePromptIds: [[3, 9, 27]] }, [55, 86, 74, 84, 96, 16, 74, 5, 37, 58, 21, 21]],
  ])('%j writes what Python writes, alone and in a batch', async (options, expected) => {
    using model = await GPT.fromPretrained(folder);
    const common = { generationConfig: {}, maxNewTokens: 12, eosTokenId: [] };
    const { newTokens } = await generate(model, PROMPT, { ...common, ...options });
    expect(newTokens[0]).toEqual(expected);
    const negativePromptIds = options.negativePromptIds && [[7], ...options.negativePromptIds];
    const batch = await generate(model, [[9, 8], PROMPT], { ...common, ...options, negativePromptIds });
    expect(batch.newTokens[1]).toEqual(expected);
    const slow = await generate(model, PROMPT, { ...common, ...options, useCache: false });
    expect(slow.newTokens[0]).toEqual(expected);
  });

  it.each<[GenerateOptions, string]>([
    [{ guidanceScale: 2, numBeams: 2 }, 'guidanceScale needs a decoder without beams and drafts'],
    [{ guidanceScale: 2, promptLookupNumTokens: 2 }, 'guidanceScale needs a decoder'],
    [
      { guidanceScale: 2, negativePromptIds: [[1], [1]] },
      'negativePromptIds must have a row for each of 1 prompts, got 2',
    ],
    [{ guidanceScale: 2, negativePromptIds: [[5]] }, 'in the vocabulary of 2 tokens, got 5'],
  ])('%j is refused', async (options, message) => {
    await expect(
      generate(
        tableModel([
          [1, 0],
          [0, 1],
        ]),
        [1],
        options,
      ),
    ).rejects.toThrow(message);
  });
});
