import { describe, expect, it } from 'vitest';

import { nextSentencePairs, type SentencePair, splitSentences, type TokenExample } from '../src/index.ts';
import { chiSquare, chiSquareLimit, problemOf, wordPiece } from './helpers.ts';

const cls = wordPiece.clsTokenId ?? -1;
const sep = wordPiece.sepTokenId ?? -1;
/** Documents whose ids count on: document 3 has 3000, 3001, ... in sentences of 4 tokens. */
const documents = Array.from({ length: 40 }, (_, document) =>
  Array.from({ length: 30 }, (__, sentence): TokenExample => {
    const ids = Int32Array.from({ length: 4 }, (___, i) => 1000 * (document + 1) + 4 * sentence + i);
    return { ids, words: Int32Array.of(0, 0, 1, 2) };
  }),
);
const parts = ({ ids }: SentencePair): [number[], number[]] => {
  const at = ids.indexOf(sep);
  return [[...ids.subarray(1, at)], [...ids.subarray(at + 1, -1)]];
};
const countsOn = (ids: readonly number[]): boolean => ids.every((id, i) => i === 0 || id === (ids[i - 1] ?? 0) + 1);

describe('nextSentencePairs', () => {
  const pairs = nextSentencePairs(documents, { tokenizer: wordPiece, seqLen: 40, passes: 10, seed: 4 });

  it('makes [CLS] first [SEP] second [SEP] of runs of one document each', () => {
    expect(pairs.length).toBeGreaterThan(1000);
    for (const pair of pairs) {
      const { ids, typeIds, specialTokensMask } = pair;
      const [one, two] = parts(pair);
      expect([ids[0], ids.at(-1)]).toEqual([cls, sep]);
      expect(one.length > 0 && two.length > 0 && ids.length <= 40).toBe(true);
      expect(countsOn(one) && countsOn(two)).toBe(true);
      expect([...(typeIds ?? [])]).toEqual([
        ...new Array(one.length + 2).fill(0),
        ...new Array(two.length + 1).fill(1),
      ]);
      expect([...(specialTokensMask ?? [])]).toEqual([...ids].map((id) => (id === cls || id === sep ? 1 : 0)));
    }
  });

  it('has label 0 where the second part follows in the document, 1 where it comes from another, half of each', () => {
    for (const pair of pairs) {
      const [one, two] = parts(pair);
      const [from, to] = [one, two].map(([id = 0]) => Math.floor(id / 1000));
      expect(pair.nextSentenceLabel === 0).toBe(from === to);
      if (from === to) expect((two[0] ?? 0) - (one.at(-1) ?? 0)).toBeGreaterThan(0); // some tokens may be cut off in between
    }
    // The last sentence of a document is a first part only where it stands alone and nothing follows: these don't count.
    const free = nextSentencePairs(documents, {
      tokenizer: wordPiece,
      seqLen: 40,
      passes: 10,
      shortProbability: 0,
    }).filter((pair) => !parts(pair)[0].some((id) => id % 1000 >= 116));
    const labels = [0, 1].map((label) => free.filter((pair) => pair.nextSentenceLabel === label).length);
    expect(chiSquare(labels, [free.length / 2, free.length / 2])).toBeLessThan(chiSquareLimit(1));
    const elsewhere = new Array<number>(40).fill(0);
    for (const pair of pairs.filter((given) => given.nextSentenceLabel === 1))
      elsewhere[Math.floor((parts(pair)[1][0] ?? 0) / 1000) - 1]!++;
    const expected = elsewhere.reduce((sum, count) => sum + count, 0) / 40;
    expect(
      chiSquare(
        elsewhere,
        elsewhere.map(() => expected),
      ),
    ).toBeLessThan(chiSquareLimit(39));
  });

  it('fills up to seqLen, but for a tenth that is shorter; other pairs in each pass, the same for a seed', () => {
    const full = pairs.filter(({ ids }) => ids.length > 36).length;
    expect(full / pairs.length).toBeGreaterThan(0.6);
    expect(pairs.filter(({ ids }) => ids.length < 20).length).toBeGreaterThan(10);
    const again = (seed: number, passes: number): string[] =>
      nextSentencePairs(documents, { tokenizer: wordPiece, seqLen: 40, passes, seed }).map(({ ids }) => String(ids));
    expect(again(4, 1)).toEqual(pairs.slice(0, again(4, 1).length).map(({ ids }) => String(ids)));
    expect(again(5, 1)).not.toEqual(again(4, 1));
    const [one, two] = [again(4, 1), again(4, 2).slice(again(4, 1).length)];
    expect(two).not.toEqual(one);
  });

  it('keeps the words of tokens, told apart between sentences', () => {
    const [pair] = pairs;
    const words = [...(pair?.words ?? [])];
    pair?.ids.forEach((id, place) => {
      if (place === 0 || id === cls || id === sep || pair.ids[place - 1] === sep) return;
      const isSecondPiece = id % 4 === 1 && pair.ids[place - 1] === id - 1;
      expect(words[place] === words[place - 1]).toBe(isSecondPiece);
    });
  });

  it('refuses a single document', () => {
    expect(problemOf(() => nextSentencePairs([documents[0] ?? []], { tokenizer: wordPiece, seqLen: 40 }))).toBe(
      'too-short: nextSentencePairs: needs two documents or more, got 1',
    );
  });
});

describe('splitSentences', () => {
  it('cuts at the ends of sentences', () => {
    expect(splitSentences('Call me Ishmael. Some years ago - never mind! Why?\n')).toEqual([
      'Call me Ishmael.',
      'Some years ago - never mind!',
      'Why?',
    ]);
  });
});
