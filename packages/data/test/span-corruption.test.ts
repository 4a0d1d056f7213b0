import { RandomStream } from '@formers/backend';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { spanCorruption, spanCorruptionLengths } from '../src/index.ts';
import { corruptSpans } from '../src/objectives/span-corruption.ts';
import { chiSquare, chiSquareLimit, first, problemOf, rowsOf, unigram, withoutLeaks, wordPiece } from './helpers.ts';

withoutLeaks();

const sentinels = Array.from({ length: 300 }, (_, i) => 9999 - i);
const eosId = 1;
const counting = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => 10 + i);
/** The text again: each sentinel of the input stands for what the target has behind it. */
const rebuild = (ids: readonly number[], targets: readonly number[]): number[] => {
  const spans = new Map<number, number[]>();
  let span: number[] = [];
  for (const id of targets.slice(0, -1)) {
    if (id < 9000) span.push(id);
    else spans.set(id, (span = []));
  }
  return ids.slice(0, -1).flatMap((id) => spans.get(id) ?? [id]);
};

describe('corruptSpans', () => {
  it('takes out 15 % in spans of 3; sentinels descend; input and target give the text again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 600 }), fc.nat(), (length, seed) => {
        const random = new RandomStream(seed, 'test');
        const { ids, targets } = corruptSpans(counting(length), { random, sentinels, eosId });
        expect([ids.at(-1), targets.at(-1)]).toEqual([eosId, eosId]);
        expect(rebuild([...ids], [...targets])).toEqual([...counting(length)]);
        const used = [...ids].filter((id) => id > 9000);
        expect(used).toEqual(sentinels.slice(0, used.length));
        expect([...targets].filter((id) => id > 9000)).toEqual(used);
        const numNoise = targets.length - 1 - used.length;
        expect(Math.abs(numNoise - length * 0.15)).toBeLessThanOrEqual(length < 4 ? 1 : 0.5);
        expect(Math.abs(used.length - numNoise / 3)).toBeLessThanOrEqual(numNoise === 1 ? 0.7 : 0.5);
        expect(ids[0]).toBe(10); // T5's spans never begin a text
      }),
      { numRuns: 300 },
    );
  });

  it("counts tokens and spans as T5's code does", () => {
    // int(round(n * 0.15)) and int(round(noise / 3)) of Python, which rounds 4.5 to 4
    for (const [length, numNoise, numSpans] of [
      [10, 2, 1],
      [30, 4, 1],
      [50, 8, 3],
      [70, 10, 3],
      [90, 14, 5],
      [568, 85, 28],
    ] as const) {
      const { ids } = corruptSpans(counting(length), { random: new RandomStream(0, 'test'), sentinels, eosId });
      const used = [...ids].filter((id) => id > 9000).length;
      expect([length - (ids.length - 1 - used), used]).toEqual([numNoise, numSpans]);
    }
  });

  it('makes every way to choose the spans equally likely', () => {
    const counts = new Map<string, number>();
    const random = new RandomStream(5, 'test');
    const runs = 6000;
    for (let run = 0; run < runs; run++) {
      const { ids } = corruptSpans(counting(10), { random, sentinels, eosId, noiseDensity: 0.3, meanSpanLength: 1.5 });
      counts.set(String(ids), (counts.get(String(ids)) ?? 0) + 1);
    }
    expect(counts.size).toBe(2 * 6); // 3 tokens in 2 spans, 7 others in 2 runs
    const expected = [...counts.values()].map(() => runs / 12);
    expect(chiSquare([...counts.values()], expected)).toBeLessThan(chiSquareLimit(11));
  });

  it('refuses texts without a span, or with more spans than sentinels', () => {
    const random = new RandomStream(0, 'test');
    expect(problemOf(() => corruptSpans(counting(1), { random, sentinels, eosId }))).toMatch(/^too-short/);
    expect(problemOf(() => corruptSpans(counting(200), { random, sentinels: [5, 4], eosId }))).toBe(
      'special-token: spanCorruption: 200 tokens have 10 spans, but the tokenizer only 2 tokens <extra_id_...>',
    );
  });
});

describe('spanCorruptionLengths', () => {
  it("gives T5's lengths", () => {
    expect(spanCorruptionLengths(512)).toEqual({ tokens: 568, targets: 114 }); // compute_input_and_target_lengths of its code
    expect(spanCorruptionLengths(128)).toEqual({ tokens: 141, targets: 29 });
  });

  it('fills inputs without exceeding them', () => {
    for (const inputLength of [5, 20, 64, 100, 256]) {
      const { tokens, targets } = spanCorruptionLengths(inputLength);
      const made = corruptSpans(counting(tokens), { random: new RandomStream(1, 'test'), sentinels, eosId });
      expect(made.ids.length).toBeLessThanOrEqual(inputLength);
      expect(made.targets.length).toBe(targets);
      const more = corruptSpans(counting(tokens + 1), { random: new RandomStream(1, 'test'), sentinels, eosId });
      expect(more.ids.length).toBeGreaterThan(inputLength);
    }
  });
});

describe('spanCorruption', () => {
  it('makes batches for T5 with the sentinels of the tokenizer, in the order of their names', () => {
    const text = unigram.encodeIds('the quick brown fox jumps over the lazy dog', { addSpecialTokens: false });
    using batch = spanCorruption({ tokenizer: unigram }).collate([{ ids: text }, { ids: text.slice(0, 9) }], first(2));
    const { ids, targets, decoderIds, attentionMask, decoderAttentionMask } = batch;
    const [input = []] = rowsOf(ids);
    const [target = []] = rowsOf(targets);
    const sentinel = unigram.tokenToId('<extra_id_0>');
    expect([input.includes(sentinel ?? -1), target[0]]).toEqual([true, sentinel]);
    expect(rowsOf(decoderIds)[0]).toEqual([unigram.padTokenId, ...target.slice(0, -1)]);
    expect(rowsOf(targets)[1]?.includes(-100)).toBe(true);
    expect(rowsOf(decoderIds)[1]?.every((id) => id >= 0)).toBe(true);
    expect(batch.tokens).toBe(
      rowsOf(decoderAttentionMask)
        .flat()
        .reduce((sum, bit) => sum + bit, 0),
    );
    expect(attentionMask.shape).toEqual(ids.shape);
  });

  it('refuses tokenizers without sentinels', () => {
    expect(problemOf(() => spanCorruption({ tokenizer: wordPiece }))).toMatch(/^special-token/);
  });
});
