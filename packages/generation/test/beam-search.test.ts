import { GrowingKVCache, type KVCache, type LayerCache } from '@formers/attention';
import { gather, keep, type Tensor4D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { generate, type GenerateOptions, type RowSelectable, TokenCache } from '../src/index.ts';
import { logSoftmax } from '../src/probabilities.ts';
import { useEngineAndCheckLeaks } from './support/leak-check.ts';
import { hashModel, tableModel } from './support/toy-models.ts';

useEngineAndCheckLeaks();

/** A cache that can reorder its rows; holds one layer. */
class ReorderingCache implements KVCache, RowSelectable {
  selections = 0;
  #held: readonly [Tensor4D, Tensor4D] | undefined;
  readonly #inner = new GrowingKVCache();

  get length(): number {
    return this.#inner.length;
  }
  layer(index: number): LayerCache {
    const inner = this.#inner.layer(index);
    return { length: inner.length, append: (k, v) => (this.#held = inner.append(k, v)) };
  }
  crop(length: number): void {
    this.#inner.crop(length);
  }
  selectRows(rows: readonly number[]): void {
    this.selections++;
    const [k, v] = this.#held!.map((x) => keep(gather(x, [...rows], 0))) as [Tensor4D, Tensor4D];
    this.#inner.crop(0);
    this.#held = this.#inner.layer(0).append(k, v);
    k.dispose();
    v.dispose();
  }
  dispose(): void {
    this.#inner.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** All continuations of three tokens with the logarithm of their probability, likeliest first. */
function allContinuations(prompt: readonly number[], vocabSize: number): { ids: number[]; score: number }[] {
  const model = hashModel({ vocabSize });
  let found = [{ ids: [] as number[], score: 0 }];
  for (let step = 0; step < 3; step++) {
    found = found.flatMap(({ ids, score }) => {
      const logits = tidy(() =>
        model.call(tensor2d([[...prompt, ...ids]], undefined, 'int32'), { lastOnly: true }).dataSync(),
      );
      return [...logSoftmax(Float64Array.from(logits))].map((log, id) => ({ ids: [...ids, id], score: score + log }));
    });
  }
  return found.sort((a, b) => b.score - a.score);
}

describe('beam search', () => {
  it('finds the likeliest of all sequences when no beam is lost', async () => {
    const wanted = allContinuations([1, 2], 4).slice(0, 5);
    const options = { numBeams: 16, numReturnSequences: 5, maxNewTokens: 3, lengthPenalty: 0 };
    const { newTokens, sequenceScores, scores } = await generate(hashModel({ vocabSize: 4 }), [1, 2], options);
    expect(newTokens).toEqual(wanted.map(({ ids }) => ids));
    for (const [i, { score }] of wanted.entries()) {
      expect(sequenceScores![i]).toBeCloseTo(score, 9);
      expect(scores[i]!.reduce((a, b) => a + b)).toBeCloseTo(score, 9);
    }
  });

  it('finds what greedy search misses', async () => {
    // 0 -> 1 is likelier than 0 -> 2, but after 2 the end is nearly certain.
    const model = tableModel([
      [-9, 1, 0.8, -9],
      [0, 0, 0, 0],
      [-9, -9, -9, 9],
      [0, 0, 0, 0],
    ]);
    const options = { eosTokenId: 3, maxNewTokens: 2 };
    expect((await generate(model, [0], options)).newTokens).toEqual([[1, 0]]);
    expect((await generate(model, [0], { ...options, numBeams: 2 })).newTokens).toEqual([[2, 3]]);
  });

  it('divides by the length to the power of the penalty', async () => {
    const options = { numBeams: 3, maxNewTokens: 4, lengthPenalty: 2 };
    const { scores, sequenceScores } = await generate(hashModel(), [3], options);
    expect(sequenceScores![0]).toBeCloseTo(scores[0]!.reduce((a, b) => a + b) / 4 ** 2, 9);
  });

  it('prefers long or short sequences by the penalty', async () => {
    // An end at once has ln(1/2), an end after two tokens the same in all but the penalty.
    const model = tableModel([
      [-9, 0, 0.1],
      [-9, -9, 9],
      [0, 0, 0],
    ]);
    const lengths = async (lengthPenalty: number): Promise<number> =>
      (await generate(model, [0], { numBeams: 2, eosTokenId: 2, maxNewTokens: 5, lengthPenalty })).newTokens[0]!.length;
    expect(await lengths(0)).toBe(1);
    expect(await lengths(2)).toBe(2);
  });

  it('with earlyStopping ends at numBeams finished ones', async () => {
    const steps = async (earlyStopping: boolean | 'never'): Promise<number> => {
      const model = tableModel([
        [0, -2, 0.1],
        [-9, 0, 0],
        [0, 0, 0],
      ]);
      await generate(model, [0], { numBeams: 2, eosTokenId: 2, maxNewTokens: 12, lengthPenalty: 3, earlyStopping });
      return model.calls.length;
    };
    expect(await steps(true)).toBeLessThan(await steps('never'));
    expect(await steps(true)).toBe(2);
    expect(await steps('never')).toBe(12);
  });

  it("with earlyStopping 'never' thinks of the longest that may come", async () => {
    // Ends: at once with p = 0.45, after 3 with p = 0.55. Token 1 has exp(-12), all else less.
    const row = (...likely: [id: number, p: number][]): number[] =>
      [0, 1, 2, 3].map((at) => Math.log(likely.find(([id]) => id === at)?.[1] ?? Math.exp(at === 1 ? -12 : -20)));
    const steps = async (maxNewTokens: number): Promise<number> => {
      const model = tableModel([row([2, 0.45], [3, 0.55]), row([1, 1]), row([2, 1]), row([2, 1])]);
      const prompt = new Array<number>(40).fill(0);
      await generate(model, prompt, { numBeams: 2, eosTokenId: 2, maxNewTokens, earlyStopping: 'never' });
      return model.calls.length;
    };
    expect(await steps(12)).toBe(2); // -12 / 12 is below the -0.8 of the first end
    expect(await steps(18)).toBe(18); // -12 / 18 is above
  });

  it('keeps an end only among the numBeams best, and goes on with as many beams', async () => {
    const log = (...p: number[]): number[] => p.map((value) => Math.log(value));
    const low = tableModel([log(1e-9, 0.5, 0.1, 0.4), log(1, 1, 1e-9, 1), log(1, 1, 1, 1), log(1, 1, 1e-9, 1)]);
    const options = { numBeams: 2, numReturnSequences: 2, eosTokenId: 2, maxNewTokens: 3, lengthPenalty: 0 };
    for (const ids of (await generate(low, [0], options)).newTokens) expect(ids).toHaveLength(3);
    const high = tableModel([log(1e-9, 0.3, 0.6, 0.1), log(1, 1, 1, 1), log(1, 1, 1, 1), log(1e-9, 1e-9, 1, 1e-9)]);
    expect((await generate(high, [0], { ...options, maxNewTokens: 2 })).newTokens).toEqual([[2], [3, 2]]);
  });

  it('with each row of a batch finds what it finds alone, cached or not', async () => {
    const prompt = fc.array(fc.nat(10), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(prompt, { minLength: 1, maxLength: 3 }), fc.boolean(), async (batch, useCache) => {
        const options: GenerateOptions = {
          numBeams: 3,
          numReturnSequences: 2,
          maxNewTokens: 5,
          eosTokenId: [7, 8],
          useCache,
        };
        const together = await generate(hashModel(), batch, options);
        for (const [row, prompt] of batch.entries()) {
          const alone = await generate(hashModel(), prompt, options);
          expect(together.newTokens.slice(2 * row, 2 * row + 2)).toEqual(alone.newTokens);
          expect(together.sequences.slice(2 * row, 2 * row + 2).map((ids) => ids.slice(0, prompt.length))).toEqual([
            prompt,
            prompt,
          ]);
          expect(together.sequenceScores!.slice(2 * row, 2 * row + 2)).toEqual(alone.sequenceScores);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('computes one token a step with a cache that can reorder its rows', async () => {
    const reordering = new ReorderingCache();
    using cache = new TokenCache(reordering);
    const model = hashModel();
    const options = { numBeams: 2, maxNewTokens: 8, numReturnSequences: 2 };
    const prompts = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expect(await generate(model, prompts, { ...options, cache })).toEqual(
      await generate(hashModel(), prompts, { ...options, useCache: false }),
    );
    expect(model.calls).toEqual([12, 4, 4, 4, 4, 4, 4, 4]);
    expect(reordering.selections).toBe(7); // after all steps but the last
  });

  it('goes on without the prompts whose search is over', async () => {
    using cache = new TokenCache(new ReorderingCache());
    const model = tableModel([
      [9, -9, -99, -9],
      [-9, -9, 9, 8],
      [0, 0, 0, 0],
      [-9, -9, 9, -9],
    ]);
    const options = { numBeams: 2, eosTokenId: 2, maxNewTokens: 4, earlyStopping: true, cache };
    const { newTokens } = await generate(model, [[1], [0]], options);
    expect(newTokens).toEqual([[2], [0, 0, 0, 0]]);
    expect(model.calls).toEqual([4, 4, 2, 2]);
  });

  it('makes up the number of sequences as Hugging Face does: with a score near -1e9 over the length', async () => {
    // Tokens and scores of transformers 5.23, where these are the logits after each token.
    const logits = [
      [0.5, 0, 0.2, 1],
      [1, 0.5, 2, -1],
      [0, 0.3, 0.1, 0.2],
      [2, 1, 0, 0.4],
    ];
    const find = async (options: GenerateOptions): Promise<[tokens: number[][], scores: number[]]> => {
      const always = { numBeams: 3, numReturnSequences: 3, eosTokenId: 2, padTokenId: 1 };
      const { sequences, sequenceScores } = await generate(tableModel(logits), [3, 1], { ...always, ...options });
      return [sequences.map((ids) => ids.slice(2)), sequenceScores!];
    };
    const two = { numBeams: 2, numReturnSequences: 2 };
    const cases: [GenerateOptions, tokens: number[][], scores: number[]][] = [
      [
        { maxNewTokens: 2, prefixAllowedTokens: () => [0] },
        [
          [0, 0],
          [0, 0],
          [0, 0],
        ],
        [-1.4402466, -5e8, -5e8],
      ],
      [{ maxNewTokens: 1, prefixAllowedTokens: () => [0], ...two }, [[0], [1]], [-1.4951819, -1e9]],
      [{ maxNewTokens: 1, forcedEosTokenId: 2, ...two }, [[2], [1]], [0, -1e9]],
      [
        { maxNewTokens: 3, earlyStopping: true, prefixAllowedTokens: (_, ids) => (ids.length === 2 ? [3] : [2]) },
        [
          [3, 2],
          [3, 2],
          [3, 2],
        ],
        [-3.0144062, -5e8, -5e8],
      ],
    ];
    for (const [options, tokens, scores] of cases) {
      const found = await find(options);
      expect(found[0]).toEqual(tokens);
      for (const [i, score] of scores.entries()) expect(found[1][i]! / (score || 1)).toBeCloseTo(score && 1, 6);
    }
    // Sampling never draws what has no probability.
    const sampled = { doSample: true, maxNewTokens: 2, prefixAllowedTokens: () => [0] };
    expect(await find(sampled)).toEqual([
      [
        [0, 0],
        [1, 1],
        [1, 1],
      ],
      [expect.closeTo(-1.4402466, 6), -1e9, -1e9],
    ]);
  });

  it('draws different beams by sampling, the same for the same seed', async () => {
    const draw = async (seed: number): Promise<number[][]> =>
      (await generate(hashModel(), [1], { numBeams: 3, numReturnSequences: 3, doSample: true, maxNewTokens: 6, seed }))
        .newTokens;
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
    expect(new Set((await draw(1)).map(String)).size).toBe(3);
  });

  it('returns running beams after an abort', async () => {
    const controller = new AbortController();
    const logitsProcessors = [(ids: readonly number[]): void => void (ids.length === 3 && controller.abort())];
    const { newTokens, stopReasons } = await generate(hashModel(), [1], {
      numBeams: 2,
      numReturnSequences: 2,
      signal: controller.signal,
      logitsProcessors,
    });
    expect(newTokens.map(({ length }) => length)).toEqual([3, 3]);
    expect(stopReasons).toEqual(['abort', 'abort']);
    const nothing = await generate(hashModel(), [1], { numBeams: 2, signal: AbortSignal.abort() });
    expect([nothing.newTokens, nothing.sequenceScores]).toEqual([[[]], [0]]);
  });

  it('fills with the end token where padTokenId is 0, as Hugging Face does', async () => {
    const model = tableModel([
      [-9, 0, 0.1, -9],
      [-9, -9, 9, -9],
      [0, 0, 0, 0],
      [-9, 9, -9, -9],
    ]);
    const options = { numBeams: 2, eosTokenId: 2, maxNewTokens: 4, lengthPenalty: 0 };
    expect((await generate(model, [[0], [3]], { ...options, padTokenId: 0 })).sequences).toEqual([
      [0, 2, 2],
      [3, 1, 2],
    ]);
    expect((await generate(model, [[0], [3]], { ...options, padTokenId: 3 })).sequences).toEqual([
      [0, 2, 3],
      [3, 1, 2],
    ]);
  });

  it('says when no token is left', async () => {
    const options = { numBeams: 2, suppressTokens: Array.from({ length: 11 }, (_, id) => id) };
    await expect(generate(hashModel(), [1], options)).rejects.toThrow('no token is left');
  });
});
