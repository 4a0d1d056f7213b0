import { EncoderDecoderCache } from '@formers/attention';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { useEngineForTests } from '../../testing/src/index.ts';
import { generate, type GenerateOptions, streamTokens, TokenCache } from '../src/index.ts';
import { hashModel, type ToyModel } from './support/toy-models.ts';

useEngineForTests();

const VOCAB = 7;
const model = (seed = 1, contextLength = 64): ToyModel => hashModel({ vocabSize: VOCAB, contextLength, seed });

/** Options that make the text depend on all that was written. */
const WAYS: readonly GenerateOptions[] = [
  {},
  { repetitionPenalty: 1.7, noRepeatNgramSize: 3 },
  { minNewTokens: 9, eosTokenId: 3 },
  { doSample: true, temperature: 1.3, topK: 5, seed: 11 },
  { doSample: true, topP: 0.9, seed: 12, eosTokenId: 6 },
];

describe('drafts change nothing but the work', () => {
  test.each(WAYS.flatMap((way) => [1, 2, 3].map((seed) => [way, seed] as const)))('%o, model %i', async (way, seed) => {
    const options = { maxNewTokens: 25, ...way };
    const plain = await generate(model(seed), [1, 2, 1, 2, 4], options);
    // A perfect assistant, one that is always wrong somewhere, and the text itself.
    const drafts: GenerateOptions[] = [
      { assistant: model(seed), assistantConfidenceThreshold: 0 },
      { assistant: model(seed + 10), assistantConfidenceThreshold: 0, numAssistantTokens: 3 },
      { assistant: model(seed), assistantConfidenceThreshold: 0.6 },
      { promptLookupNumTokens: 4 },
      { promptLookupNumTokens: 10, maxMatchingNgramSize: 1 },
    ];
    for (const draft of drafts) {
      const assisted = await generate(model(seed), [1, 2, 1, 2, 4], { ...options, ...draft });
      expect(assisted.newTokens, JSON.stringify(Object.keys(draft))).toEqual(plain.newTokens);
      expect(assisted.stopReasons).toEqual(plain.stopReasons);
      assisted.scores[0]!.forEach((score, i) => expect(score).toBeCloseTo(plain.scores[0]![i]!, 9));
    }
  });

  test('a perfect assistant saves calls: 24 tokens by drafts of 5 take 4', async () => {
    const large = model();
    await generate(large, [1], {
      maxNewTokens: 24,
      assistant: model(),
      assistantConfidenceThreshold: 0,
      numAssistantTokens: 5,
    });
    expect(large.calls).toHaveLength(4); // each gives its 5 drafted tokens and one more
  });

  test('a text that repeats itself is looked up', async () => {
    const echo = hashModel({ vocabSize: VOCAB, contextLength: 64, seed: 1, memory: 2 });
    const plain = await generate(echo, [1, 2], { maxNewTokens: 50 });
    const lookup = hashModel({ vocabSize: VOCAB, contextLength: 64, seed: 1, memory: 2 });
    const assisted = await generate(lookup, [1, 2], { maxNewTokens: 50, promptLookupNumTokens: 10 });
    expect(assisted.newTokens).toEqual(plain.newTokens);
    expect(lookup.calls.length).toBeLessThan(30); // 50 without
  });

  test('beyond the context length tokens come one by one, and the text is the same', async () => {
    const options = { maxNewTokens: 40 };
    const plain = await generate(model(1, 16), [1, 2, 3], options);
    const assisted = await generate(model(1, 16), [1, 2, 3], {
      ...options,
      assistant: model(2, 16),
      assistantConfidenceThreshold: 0,
    });
    expect(assisted.newTokens).toEqual(plain.newTokens);
  });

  test('padding that the prompt brings, and a cache that is kept', async () => {
    const options = { maxNewTokens: 12, attentionMask: [[0, 0, 1, 1]] };
    const plain = await generate(model(), [[0, 0, 5, 2]], options);
    using cache = new TokenCache();
    const assisted = await generate(model(), [[0, 0, 5, 2]], { ...options, cache, promptLookupNumTokens: 3 });
    expect(assisted.newTokens).toEqual(plain.newTokens);
    const further = await generate(model(), [5, 2, ...plain.newTokens[0]!], { maxNewTokens: 3, cache });
    expect(further.newTokens).toEqual(
      (await generate(model(), [5, 2, ...plain.newTokens[0]!], { maxNewTokens: 3 })).newTokens,
    );
  });

  test('streams, stops early, and leaks nothing', async () => {
    const before = memory().numTensors;
    let count = 0;
    for await (const _ of streamTokens(model(), [1], { maxNewTokens: 20, assistant: model(2) }))
      if (++count === 7) break;
    expect(count).toBe(7);
    expect(memory().numTensors).toBe(before);
  });
});

test.each<[GenerateOptions & { prompts?: number[][] }, string]>([
  [{ prompts: [[1], [2]], promptLookupNumTokens: 2 }, 'promptLookupNumTokens needs one prompt'],
  [
    { numBeams: 2, promptLookupNumTokens: 2 },
    'promptLookupNumTokens needs one prompt and one result without beams, got 1 rows and 2 beams',
  ],
  [{ useCache: false, promptLookupNumTokens: 2 }, 'promptLookupNumTokens needs useCache'],
  [
    { assistant: hashModel({ vocabSize: 9, contextLength: 8, seed: 1 }) },
    "assistant must have the model's vocabulary of 7 tokens, got 9",
  ],
])('%o is refused', async ({ prompts = [[1]], ...options }, message) => {
  await expect(generate(model(), prompts, options)).rejects.toThrow(message);
});

test('an encoder-decoder cache kept by a decoder is no obstacle', async () => {
  using cache = new TokenCache(new EncoderDecoderCache());
  const plain = await generate(model(), [1, 2], { maxNewTokens: 5 });
  expect((await generate(model(), [1, 2], { maxNewTokens: 5, cache })).newTokens).toEqual(plain.newTokens);
});
