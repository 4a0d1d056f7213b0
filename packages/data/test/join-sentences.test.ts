import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { joinSentences } from '../src/index.ts';

/** Sentences whose ids count on from 100, of words of two tokens. */
const sentencesOf = (lengths: readonly number[]): { ids: Int32Array; words: Int32Array }[] => {
  let next = 100;
  return lengths.map((length) => ({
    ids: Int32Array.from({ length }, () => next++),
    words: Int32Array.from({ length }, (_, i) => Math.floor(i / 2)),
  }));
};

describe('joinSentences', () => {
  it('keeps every token in order, as many whole sentences as fit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(15), { maxLength: 30 }), fc.integer({ min: 3, max: 20 }), (lengths, seqLen) => {
        const pieces = joinSentences(sentencesOf(lengths), { seqLen, begin: 1, end: 2 });
        const total = lengths.reduce((sum, length) => sum + length, 0);
        expect(pieces.flatMap(({ ids }) => [...ids.subarray(1, -1)])).toEqual(
          Array.from({ length: total }, (_, i) => 100 + i),
        );
        pieces.forEach(({ ids, specialTokensMask, words }, i) => {
          expect(ids.length).toBeLessThanOrEqual(seqLen);
          expect([ids[0], ids.at(-1)]).toEqual([1, 2]);
          expect([...specialTokensMask]).toEqual([...ids].map((id) => (id < 100 ? 1 : 0)));
          expect([...words].map((word) => (word < 0 ? 1 : 0))).toEqual([...specialTokensMask]);
          const following = pieces[i + 1];
          if (!following) return;
          const [first = 0, second = following.ids.length - 1] = following.sentenceStarts;
          expect(ids.length + (second - first)).toBeGreaterThan(seqLen); // the next sentence, or its part, did not fit
        });
      }),
    );
  });

  it('says where sentences begin and tells their words apart', () => {
    expect(joinSentences(sentencesOf([3, 2, 4]), { seqLen: 6 })).toEqual([
      {
        ids: Int32Array.of(100, 101, 102, 103, 104),
        words: Int32Array.of(0, 0, 1, 2, 2),
        specialTokensMask: new Int32Array(5),
        sentenceStarts: [0, 3],
      },
      {
        ids: Int32Array.of(105, 106, 107, 108),
        words: Int32Array.of(0, 0, 1, 1),
        specialTokensMask: new Int32Array(4),
        sentenceStarts: [0],
      },
    ]);
    expect(() => joinSentences([], { seqLen: 2, begin: 1, end: 2 })).toThrow(
      'seqLen must be a whole number above 2, got 2',
    );
  });
});
