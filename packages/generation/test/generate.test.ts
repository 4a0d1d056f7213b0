import { RandomStream } from '@formers/backend';
import { memory } from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';

import { generate, type GenerateOptions, GenerationError, type Prompts, TokenCache } from '../src/index.ts';
import { useEngineAndCheckLeaks } from './support/leak-check.ts';
import { hashModel, tableModel, type ToyModel, toyTokenizer } from './support/toy-models.ts';

useEngineAndCheckLeaks();

/** After token i comes i + 1, mostly; token 4 ends. */
const counting = (): ToyModel =>
  tableModel([
    [0, 2, 1, 0, 0],
    [0, 0, 2, 1, 0],
    [0, 0, 0, 2, 1],
    [1, 0, 0, 0, 2],
    [2, 0, 0, 0, 0],
  ]);

describe('greedy search', () => {
  it('takes the likeliest token until an end token, which stays', async () => {
    const result = await generate(counting(), [0], { eosTokenId: 4, maxNewTokens: 9 });
    expect(result.sequences).toEqual([[0, 1, 2, 3, 4]]);
    expect(result.newTokens).toEqual([[1, 2, 3, 4]]);
    expect(result.stopReasons).toEqual(['end-token']);
    const score = 2 - Math.log(Math.exp(2) + Math.exp(1) + 3);
    for (const found of result.scores[0]!) expect(found).toBeCloseTo(score, 6);
  });

  it('takes the lowest of equally likely tokens', async () => {
    const { newTokens } = await generate(
      tableModel([
        [0, 1, 1],
        [1, 0, 1],
        [1, 1, 0],
      ]),
      [0],
      { maxNewTokens: 3 },
    );
    expect(newTokens).toEqual([[1, 0, 1]]);
  });

  it('makes 20 tokens by default, maxLength counts the prompt, maxNewTokens goes first', async () => {
    const lengths = async (options: GenerateOptions): Promise<number> =>
      (await generate(counting(), [0, 1, 2], options)).newTokens[0]!.length;
    expect(await lengths({})).toBe(20);
    expect(await lengths({ maxLength: 5 })).toBe(2);
    expect(await lengths({ maxLength: 5, maxNewTokens: 4 })).toBe(4);
    expect(await lengths({ eosTokenId: 4 })).toBe(2);
    expect(await lengths({ eosTokenId: 4, minNewTokens: 3 })).toBe(6); // 3 0 1 2 3 4
  });

  it('fills rows that end earlier', async () => {
    const options = { eosTokenId: [4, 3], maxNewTokens: 4 };
    const { sequences, newTokens, stopReasons } = await generate(counting(), [[0], [2], [4]], {
      ...options,
      padTokenId: 1,
    });
    expect(sequences).toEqual(
      [
        [0, 1, 2, 3],
        [2, 3, 1, 1],
        [4, 0, 1, 2],
      ].map((row, i) => (i === 2 ? [...row, 3] : [...row, 1])),
    );
    expect(newTokens).toEqual([[1, 2, 3], [3], [0, 1, 2, 3]]);
    expect(stopReasons).toEqual(['end-token', 'end-token', 'end-token']);
    expect((await generate(counting(), [[0], [2]], options)).sequences).toEqual([
      [0, 1, 2, 3],
      [2, 3, 4, 4],
    ]);
  });

  it('takes defaults from the model, then from generationConfig, then from the call', async () => {
    const model = Object.assign(counting(), { generationConfig: { eosTokenId: 2, maxNewTokens: 9 } });
    expect((await generate(model, [0])).newTokens).toEqual([[1, 2]]);
    expect((await generate(model, [0], { generationConfig: { eosTokenId: 3 } })).newTokens).toEqual([[1, 2, 3]]);
    expect((await generate(model, [0], { generationConfig: { eosTokenId: 3 }, eosTokenId: 4 })).newTokens).toEqual([
      [1, 2, 3, 4],
    ]);
  });

  it('runs own processors after the built-in ones', async () => {
    const seen: number[][] = [];
    const logitsProcessors = [
      (ids: readonly number[], logits: Float64Array): void => {
        seen.push([...ids]);
        expect(logits[1]).toBe(-Infinity);
        logits[3] = 9;
      },
    ];
    const { newTokens } = await generate(counting(), [0], { maxNewTokens: 2, suppressTokens: [1], logitsProcessors });
    expect(newTokens).toEqual([[3, 3]]);
    expect(seen).toEqual([[0], [0, 3]]);
  });
});

describe('cache', () => {
  it('computes each token once and changes nothing', async () => {
    const cached = hashModel();
    const plain = hashModel();
    const options = { maxNewTokens: 12 };
    const found = await generate(cached, [1, 2, 3], options);
    expect(found).toEqual(await generate(plain, [1, 2, 3], { ...options, useCache: false }));
    expect(cached.calls).toEqual([3, ...new Array<number>(11).fill(1)]);
    expect(plain.calls).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });

  it('is reused across turns, as far as the texts agree', async () => {
    using cache = new TokenCache();
    const model = hashModel();
    const first = await generate(model, [1, 2, 3], { maxNewTokens: 5, cache });
    expect(cache.length).toBe(7); // the last new token was never fed
    for (const turn of [
      [...first.sequences[0]!, 4, 5],
      [1, 2, 9, 9],
      [1, 2, 9],
    ]) {
      const before = model.calls.length;
      const held = cache.length;
      const found = await generate(model, turn, { maxNewTokens: 4, cache });
      expect(found).toEqual(await generate(hashModel(), turn, { maxNewTokens: 4, useCache: false }));
      const shared = turn.length > 6 ? held : 2;
      expect(model.calls[before]).toBe(turn.length - shared);
    }
  });

  it('serves another batch size by starting anew', async () => {
    using cache = new TokenCache();
    await generate(hashModel(), [1, 2], { maxNewTokens: 3, cache });
    const batch = [
      [1, 2],
      [1, 2, 5],
    ];
    expect(await generate(hashModel(), batch, { maxNewTokens: 3, cache })).toEqual(
      await generate(hashModel(), batch, { maxNewTokens: 3 }),
    );
  });

  it('is empty again after a model that failed', async () => {
    using cache = new TokenCache();
    const broken = hashModel();
    const working = hashModel();
    broken.call = (ids, options) => {
      working.call(ids, options).dispose();
      throw new Error('device lost');
    };
    await expect(generate(broken, [1, 2, 3], { cache })).rejects.toThrow('device lost');
    expect([cache.length, cache.keysAndValues.length]).toEqual([0, 0]);
  });
});

describe('batches', () => {
  const prompts = fc.array(fc.array(fc.nat(10), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });

  it('give each prompt what it gets alone, whatever the lengths', async () => {
    await fc.assert(
      fc.asyncProperty(prompts, fc.boolean(), async (batch, useCache) => {
        const options = { maxNewTokens: 6, eosTokenId: [7, 8], useCache, repetitionPenalty: 1.3, noRepeatNgramSize: 2 };
        const together = await generate(hashModel(), batch, options);
        for (const [row, prompt] of batch.entries()) {
          const alone = await generate(hashModel(), prompt, options);
          expect(together.newTokens[row]).toEqual(alone.newTokens[0]);
          expect(together.scores[row]).toEqual(alone.scores[0]);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('may be padded already', async () => {
    const options = { maxNewTokens: 5, repetitionPenalty: 9 };
    const ragged = await generate(hashModel(), [[4], [1, 2, 3]], options);
    const pad = ragged.newTokens[0]![0]!; // padding is no text: no penalty for it
    const attentionMask = [
      [0, 0, 1],
      [1, 1, 1],
    ];
    const padded = await generate(
      hashModel(),
      [
        [pad, pad, 4],
        [1, 2, 3],
      ],
      { ...options, attentionMask },
    );
    expect(padded.newTokens).toEqual(ragged.newTokens);
    expect(padded.sequences[0]!.slice(0, 3)).toEqual([pad, pad, 4]);
  });

  it('compute one token a row and step, also when a row has ended', async () => {
    const model = counting();
    await generate(model, [[0], [2, 2]], { eosTokenId: 3, maxNewTokens: 4 });
    expect(model.calls).toEqual([4, 2, 2]);
  });

  it('limit each prompt by itself', async () => {
    const { newTokens, stopReasons } = await generate(hashModel(), [[1], [1, 2, 3]], { maxLength: 5 });
    expect(newTokens.map(({ length }) => length)).toEqual([4, 2]);
    expect(stopReasons).toEqual(['length', 'length']);
  });
});

describe('sampling', () => {
  it('is what options of sampling ask for', async () => {
    const model = tableModel([
      [0, 0.1],
      [0, 0.1],
    ]);
    const isGreedy = async (options: GenerateOptions): Promise<boolean> => {
      const { newTokens } = await generate(model, [0], { maxNewTokens: 40, seed: 1, ...options });
      return newTokens[0]!.every((id) => id === 1);
    };
    expect(await isGreedy({})).toBe(true);
    expect(await isGreedy({ generationConfig: { temperature: 0.9 } })).toBe(true);
    expect(await isGreedy({ doSample: false, temperature: 0.9 })).toBe(true);
    expect(await isGreedy({ topK: 1 })).toBe(true);
    for (const options of [
      { doSample: true },
      { temperature: 1 },
      { topK: 2 },
      { topP: 1 },
      { generationConfig: { doSample: true } },
    ]) {
      expect(await isGreedy(options)).toBe(false);
    }
  });

  it('draws by the softmax of the logits over the temperature', async () => {
    const row = [0, 1, 2, -1];
    const draws = 4000;
    const options = { temperature: 2, maxNewTokens: draws, seed: 5, slide: true };
    const { newTokens, scores } = await generate(tableModel([row, row, row, row], 4), [0], options);
    const weights = row.map((logit) => Math.exp(logit / 2));
    const total = weights.reduce((a, b) => a + b);
    for (const [id, weight] of weights.entries()) {
      const share = weight / total;
      const found = newTokens[0]!.filter((token) => token === id).length / draws;
      expect(Math.abs(found - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / draws));
    }
    expect(scores[0]![0]).toBeCloseTo(Math.log(weights[newTokens[0]![0]!]! / total), 6);
  });

  it('is the same for the same seed, and rows do not depend on each other', async () => {
    const sampled = async (prompts: Prompts, seed: number): Promise<number[][]> =>
      (await generate(hashModel(), prompts, { doSample: true, maxNewTokens: 15, seed })).newTokens;
    const [first] = await sampled([1, 2], 7);
    expect(await sampled([1, 2], 7)).toEqual([first]);
    expect(await sampled([1, 2], 8)).not.toEqual([first]);
    const [again, other] = await sampled([[1, 2], [3]], 7);
    expect(again).toEqual(first);
    expect((await sampled([[5, 6, 7], [3]], 7))[1]).toEqual(other);
  });

  it('returns several sequences for each prompt', async () => {
    const { sequences } = await generate(hashModel(), [[1, 2], [3]], {
      doSample: true,
      numReturnSequences: 3,
      maxNewTokens: 8,
      seed: 1,
    });
    expect(sequences.map((row) => row.length)).toEqual([10, 10, 10, 9, 9, 9]);
    expect(sequences.map((row) => row[0])).toEqual([1, 1, 1, 3, 3, 3]);
    expect(new Set(sequences.map(String)).size).toBe(6);
  });

  it('uses one random number a token, from the stream of the row', async () => {
    const { newTokens } = await generate(
      tableModel([
        [0, 0],
        [0, 0],
      ]),
      [0],
      { doSample: true, maxNewTokens: 30, seed: 9 },
    );
    const random = new RandomStream(9, 'sampling/0');
    expect(newTokens[0]).toEqual(Array.from({ length: 30 }, () => (random.uniform() < 0.5 ? 0 : 1)));
  });
});

describe('context length', () => {
  /** Greedy search where the model is shown the last tokens alone, as many as `visible` says for a length. */
  const slideByHand = async (prompt: number[], visible: (length: number) => number): Promise<number[]> => {
    const ids = [...prompt];
    while (ids.length < 14) {
      const { newTokens } = await generate(hashModel(), ids.slice(-visible(ids.length)), { maxNewTokens: 1 });
      ids.push(newTokens[0]![0]!);
    }
    return ids;
  };

  it('slides: half of the tokens go when it is full, and the rest is cached', async () => {
    const model = hashModel({ contextLength: 6 });
    const { sequences } = await generate(model, [1, 2, 3, 4], { maxNewTokens: 10 });
    const visible = [4, 5, 6, 4, 5, 6, 4, 5, 6, 4];
    expect(sequences).toEqual([await slideByHand([1, 2, 3, 4], (length) => visible[length - 4]!)]);
    expect(model.calls).toEqual([4, 1, 1, 4, 1, 1, 4, 1, 1, 4]);
  });

  it('slides by one if asked, as nanoGPT does', async () => {
    const { sequences } = await generate(hashModel({ contextLength: 6 }), [1, 2, 3, 4], { maxNewTokens: 10, slide: 1 });
    expect(sequences).toEqual([await slideByHand([1, 2, 3, 4], (length) => Math.min(6, length))]);
  });

  it('slides each row of a batch by itself', async () => {
    const prompts = [[1, 2, 3, 4, 5], [6, 7], new Array<number>(9).fill(8)];
    const options = { maxNewTokens: 12 };
    const together = await generate(hashModel({ contextLength: 6 }), prompts, options);
    for (const [row, prompt] of prompts.entries()) {
      const alone = await generate(hashModel({ contextLength: 6 }), prompt, options);
      expect(together.newTokens[row]).toEqual(alone.newTokens[0]);
    }
  });

  it('is refused before any work where it may not slide', async () => {
    const model = hashModel({ contextLength: 6 });
    const ask = async (length: number, maxNewTokens: number | undefined): Promise<number> =>
      (await generate(model, new Array<number>(length).fill(1), { slide: false, maxNewTokens })).newTokens[0]!.length;
    await expect(ask(4, 4)).rejects.toThrow("4 tokens of prompt and 4 new ones don't fit the context length 6");
    await expect(ask(7, 1)).rejects.toThrow('the prompt has 7 tokens, the context length is 6');
    expect(model.calls).toEqual([]);
    expect(await ask(4, 3)).toBe(3); // the last one is never fed
    expect(await ask(4, undefined)).toBe(3);
  });
});

describe('stops', () => {
  const tokenizer = toyTokenizer(['a', 'b', 'bc', 'd', '']);

  it('at a stop string, wherever tokens break it', async () => {
    const stop = async (stopStrings: string | string[], prompt = [0]): Promise<unknown> => {
      const { newTokens, stopReasons } = await generate(counting(), prompt, {
        stopStrings,
        tokenizer,
        maxNewTokens: 8,
      });
      return [newTokens[0]!.length, stopReasons[0]];
    };
    expect(await stop('bb')).toEqual([2, 'stop-string']); // a|b|bc
    expect(await stop('cd')).toEqual([3, 'stop-string']);
    expect(await stop(['zz', 'bc'])).toEqual([2, 'stop-string']);
    expect(await stop('ab')).toEqual([1, 'stop-string']); // begins in the prompt
    expect(await stop('ab', [0, 1])).toEqual([5, 'stop-string']); // stands in the prompt: the next one counts
    expect(await stop('x')).toEqual([8, 'length']);
  });

  it('when the time is over, after at least one token', async () => {
    const { newTokens, stopReasons } = await generate(counting(), [0], { maxTime: 1e-9, maxNewTokens: 8 });
    expect(newTokens).toEqual([[1]]);
    expect(stopReasons).toEqual(['time']);
  });

  it('after so many seconds', async () => {
    let now = 5000;
    using _ = vi.spyOn(performance, 'now').mockImplementation(() => now);
    const logitsProcessors = [(): void => void (now += 400)];
    expect((await generate(counting(), [0], { maxTime: 1, logitsProcessors })).newTokens[0]).toHaveLength(3);
  });

  it('when the signal comes, with what is there', async () => {
    const controller = new AbortController();
    const stopAfter = (ids: readonly number[]): void => {
      if (ids.length === 4) controller.abort();
    };
    const { newTokens, stopReasons } = await generate(counting(), [0], {
      signal: controller.signal,
      logitsProcessors: [stopAfter],
    });
    expect(newTokens).toEqual([[1, 2, 3, 4]]);
    expect(stopReasons).toEqual(['abort']);
    const nothing = await generate(counting(), [0], { signal: AbortSignal.abort() });
    expect(nothing.sequences).toEqual([[0]]);
  });
});

describe('memory', () => {
  it('stays the same over 1,000 tokens', async () => {
    const counts = new Set<number>();
    const logitsProcessors = [
      (ids: readonly number[]): void => void (ids.length > 20 && counts.add(memory().numTensors)),
    ];
    await generate(hashModel({ contextLength: 16 }), [1, 2], { maxNewTokens: 1000, logitsProcessors });
    expect(counts.size).toBe(1);
  });
});

describe('refuses before any work', () => {
  it.each<[string, Prompts, GenerateOptions]>([
    ['generate: the prompt must have at least one token, got none', [], {}],
    ['generate: prompt 1 must have at least one token, got none', [[1], []], {}],
    ['generate: each id of the prompt must be in the vocabulary of 5 tokens, got 5', [1, 5], {}],
    ['generate: each id of prompt 0 must be in the vocabulary of 5 tokens, got -1', [[-1]], {}],
    ['generate: each id of the prompt must be in the vocabulary of 5 tokens, got 1.5', [1.5], {}],
    ['temperature must be above 0, got 0', [1], { temperature: 0 }],
    ['topP must be between 0 and 1, got 2', [1], { topP: 2 }],
    ['generate: topK must be a whole number above 0, or 0 for all, got -1', [1], { topK: -1 }],
    ['generate: maxNewTokens must be a whole number above 0, got 0', [1], { maxNewTokens: 0 }],
    ['generate: maxNewTokens must be a whole number above 0, got NaN', [1], { maxNewTokens: NaN }],
    ['generate: maxLength must be above the 3 tokens of the prompt, got 3', [1, 2, 3], { maxLength: 3 }],
    ['generate: numBeams must be a whole number above 0, got 0', [1], { numBeams: 0 }],
    ['generate: numReturnSequences must be 1 without sampling or beams, got 2', [1], { numReturnSequences: 2 }],
    ['generate: numReturnSequences must be at most numBeams (2), got 3', [1], { numBeams: 2, numReturnSequences: 3 }],
    ['generate: maxTime must be above 0 seconds, got -1', [1], { maxTime: -1 }],
    ['generate: slide must be a boolean or a number from 1 to 64, got 65', [1], { slide: 65 }],
    ['generate: seed must be a whole number, got 0.5', [1], { seed: 0.5 }],
    ['generate: a forced token must be in the vocabulary of 5 tokens, got 9', [1], { forcedEosTokenId: [1, 9] }],
    ['generate: stopStrings need a tokenizer', [1], { stopStrings: 'x' }],
    ['generate: stopStrings must be not empty, got [""]', [1], { stopStrings: [''] }],
    ['exponentialDecayLengthPenalty: eosTokenId must be given', [1], { exponentialDecayLengthPenalty: [1, 2] }],
    ['generate: attentionMask must have a row for each of 2 prompts, got 1', [[1], [1]], { attentionMask: [[1]] }],
    [
      'generate: the attentionMask of prompt 0 must be zeros, then ones, 2 in all, got [1, 0]',
      [[1, 1]],
      { attentionMask: [[1, 0]] },
    ],
    ['generate: prompt 0 must have at least one token, got none', [[1, 1]], { attentionMask: [[0, 0]] }],
    ['generate: encoderInputIds must have a row for each of 1 prompts, got 0', [1], { encoderInputIds: [] }],
  ])('%s', async (message, prompts, options) => {
    const model = counting();
    const promise = generate(model, prompts, options);
    await expect(promise).rejects.toThrow(message);
    await expect(promise).rejects.toSatisfy((error) => GenerationError.isInstance(error));
    expect(model.calls).toEqual([]);
  });

  it.each<[string, object]>([
    ['generate: there is no option maxNewToken; did you mean maxNewTokens?', { maxNewToken: 3 }],
    ['generate: there is no option max_new_tokens; did you mean maxNewTokens?', { max_new_tokens: 3 }],
    ['generate: there is no option penaltyAlpha', { penaltyAlpha: 0.6 }],
    ['generate: there is no option toString', { toString: 2 }],
    ['generate: generationConfig: there is no option top_k; did you mean topK?', { generationConfig: { top_k: 3 } }],
    ['generate: generationConfig: there is no option seed', { generationConfig: { seed: 3 } }],
  ])('%s', async (message, options) => {
    const model = counting();
    const promise = generate(model, [1], options);
    await expect(promise).rejects.toThrow(message);
    await expect(promise).rejects.toSatisfy((error) => GenerationError.isInstance(error));
    expect(model.calls).toEqual([]);
  });

  it('says when processors leave no token', async () => {
    await expect(generate(counting(), [0], { suppressTokens: [0, 1, 2, 3, 4] })).rejects.toThrow('no token is left');
  });
});
