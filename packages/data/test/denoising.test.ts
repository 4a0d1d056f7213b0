import { RandomStream } from '@formers/backend';
import { describe, expect, it } from 'vitest';

import { denoising } from '../src/index.ts';
import { deleteTokens, infillText, permuteSentences, poisson, replaceTokens, rotate } from '../src/objectives/noise.ts';
import { bytes, chiSquare, chiSquareLimit, first, problemOf, rowsOf, unigram, withoutLeaks } from './helpers.ts';

withoutLeaks();

const maskId = -1;
const counting = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);
const random = (seed = 0): RandomStream => new RandomStream(seed, 'test');

describe('infillText', () => {
  it('takes out exactly the share; what stays is in order', () => {
    for (let seed = 0; seed < 200; seed++) {
      const spoilt = [...infillText(counting(100), { share: 0.3, meanSpanLength: 3, maskId, random: random(seed) })];
      const kept = spoilt.filter((id) => id !== maskId);
      expect(kept.length).toBe(70);
      expect(kept).toEqual([...kept].sort((a, b) => a - b));
      expect(new Set(kept).size).toBe(70);
    }
    expect(infillText(counting(1), { share: 0.3, meanSpanLength: 3, maskId, random: random() })).toEqual(counting(1));
  });

  it('has spans of Poisson lengths, empty ones too, at every place alike', () => {
    const lengths = new Array<number>(9).fill(0);
    const stream = random(1);
    for (let run = 0; run < 20_000; run++) lengths[Math.min(8, poisson(3, stream))]!++;
    const share = (k: number): number => (Math.exp(-3) * 3 ** k) / [1, 1, 2, 6, 24, 120, 720, 5040][k]!;
    const expected = Array.from({ length: 8 }, (_, k) => 20_000 * share(k));
    expected.push(20_000 - expected.reduce((sum, count) => sum + count, 0));
    expect(chiSquare(lengths, expected)).toBeLessThan(chiSquareLimit(8));

    // One token of 6 to be taken: with spans of 1 it is any of the 6.
    const taken = new Array<number>(6).fill(0);
    let masks = 0;
    for (let run = 0; run < 6000; run++) {
      const spoilt = [...infillText(counting(6), { share: 1 / 6, meanSpanLength: 3, maskId, random: stream })];
      taken[[0, 1, 2, 3, 4, 5].find((id) => !spoilt.includes(id)) ?? 0]!++;
      masks += spoilt.filter((id) => id === maskId).length;
    }
    expect(
      chiSquare(
        taken,
        taken.map(() => 1000),
      ),
    ).toBeLessThan(chiSquareLimit(5));
    expect(masks / 6000).toBeCloseTo(1 / (1 - Math.exp(-3)), 1); // one span with a token, and the empty ones before it
  });
});

describe('other noise', () => {
  it('puts sentences in every order alike, and changes nothing else', () => {
    const text = { ids: counting(9), sentenceStarts: [0, 2, 5] };
    const counts = new Map<string, number>();
    const stream = random(2);
    for (let run = 0; run < 3000; run++) {
      const order = String(permuteSentences(text, stream));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([
      '0,1,2,3,4,5,6,7,8',
      '0,1,5,6,7,8,2,3,4',
      '2,3,4,0,1,5,6,7,8',
      '2,3,4,5,6,7,8,0,1',
      '5,6,7,8,0,1,2,3,4',
      '5,6,7,8,2,3,4,0,1',
    ]);
    expect(chiSquare([...counts.values()], new Array<number>(6).fill(500))).toBeLessThan(chiSquareLimit(5));
    expect(permuteSentences({ ids: counting(5) }, stream)).toEqual(counting(5));
  });

  it('deletes tokens, each alike, and never all', () => {
    const counts = new Array<number>(10).fill(0);
    const stream = random(3);
    for (let run = 0; run < 4000; run++)
      for (const id of deleteTokens(counting(10), { share: 0.25, random: stream })) counts[id]!++;
    expect(
      chiSquare(
        counts,
        counts.map(() => 3000),
      ) / 0.25,
    ).toBeLessThan(chiSquareLimit(10));
    expect([...deleteTokens(counting(3), { share: 1, random: stream })]).toEqual([0]);
  });

  it('rotates to every token alike, and replaces tokens but for masks', () => {
    const counts = new Array<number>(5).fill(0);
    const stream = random(4);
    for (let run = 0; run < 2000; run++) {
      const [start = 0, ...rest] = rotate(counting(5), stream);
      expect(rest).toEqual([1, 2, 3, 4].map((i) => (start + i) % 5));
      counts[start]!++;
    }
    expect(
      chiSquare(
        counts,
        counts.map(() => 400),
      ),
    ).toBeLessThan(chiSquareLimit(4));
    const replaced = replaceTokens(Int32Array.of(1, maskId, 1, 1), {
      share: 1,
      ordinary: Int32Array.of(7),
      keep: maskId,
      random: stream,
    });
    expect([...replaced]).toEqual([7, maskId, 7, 7]);
  });
});

describe('denoising', () => {
  const ids = bytes.encodeIds('She sells sea shells. Peter Piper picked a peck.', { addSpecialTokens: false });
  it('asks for the text that it spoilt, between <s> and </s>; the decoder begins with </s>', () => {
    using batch = denoising({ tokenizer: bytes }).collate([{ ids, sentenceStarts: [0, 10] }], first());
    const [target = []] = rowsOf(batch.targets);
    const [input = []] = rowsOf(batch.ids);
    expect(target).toEqual([bytes.bosTokenId, ...ids, bytes.eosTokenId]);
    expect([input[0], input.at(-1)]).toEqual([bytes.bosTokenId, bytes.eosTokenId]);
    expect(input).toContain(bytes.maskTokenId);
    expect(rowsOf(batch.decoderIds)[0]).toEqual([bytes.eosTokenId, ...target.slice(0, -1)]);
    expect(batch.tokens).toBe(target.length);
  });

  it('changes nothing when all noise is off, and each noise is on by its option', () => {
    const off = { infillShare: 0, permuteSentences: false };
    const inputOf = (options: object): number[] => {
      using batch = denoising({ tokenizer: bytes, ...off, ...options }).collate(
        [{ ids, sentenceStarts: [0, 10] }],
        first(1),
      );
      return rowsOf(batch.ids)[0]?.slice(1, -1) ?? [];
    };
    expect(inputOf({})).toEqual([...ids]);
    expect(inputOf({ deleteShare: 0.4 }).length).toBeLessThan(ids.length);
    expect(inputOf({ rotateShare: 1 }).toSorted((a, b) => a - b)).toEqual([...ids].toSorted((a, b) => a - b));
    expect(inputOf({ randomShare: 0.5 })).not.toEqual([...ids]);
    expect(inputOf({ infillShare: 0.3 })).toContain(bytes.maskTokenId);
  });

  it('refuses tokenizers without a mask token', () => {
    expect(problemOf(() => denoising({ tokenizer: unigram }))).toMatch(/^special-token/);
  });
});
