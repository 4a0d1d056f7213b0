import { describe, expect, it } from 'vitest';

import { bertPreTraining, Draws, IGNORED_LABEL, maskedLanguageModel, type TokenExample } from '../src/index.ts';
import {
  bytes,
  chiSquare,
  chiSquareLimit,
  first,
  problemOf,
  rowsOf,
  unigram,
  withoutLeaks,
  wordPiece,
} from './helpers.ts';

withoutLeaks();

const special = new Set(wordPiece.specialTokenIds);
const maskId = wordPiece.maskTokenId ?? -1;
/** Every ordinary token, over and over, between [CLS] and [SEP]. */
const long = (length: number): TokenExample => {
  const ordinary = Array.from({ length: wordPiece.vocabSize }, (_, id) => id).filter((id) => !special.has(id));
  const ids = Int32Array.from({ length }, (_, i) => ordinary[i % ordinary.length] ?? 0);
  ids[0] = wordPiece.clsTokenId ?? 0;
  ids[length - 1] = wordPiece.sepTokenId ?? 0;
  return { ids, specialTokensMask: Int32Array.from(ids, (id) => (special.has(id) ? 1 : 0)) };
};

describe('maskedLanguageModel', () => {
  it('chooses 15 % of the tokens, each place alike, never special ones, and 80/10/10 of them change', () => {
    const example = long(202);
    const original = [...example.ids];
    const collator = maskedLanguageModel({ tokenizer: wordPiece });
    const chosenAt = new Array<number>(202).fill(0);
    const kinds = [0, 0, 0]; // masked, other, same
    const replacements = new Map<number, number>();
    const rows = 2000;
    for (let step = 0; step < rows / 50; step++) {
      using batch = collator.collate(
        new Array<TokenExample>(50).fill(example),
        new Draws({ seed: 3, step, first: step * 50 }),
      );
      const [ids, targets] = [rowsOf(batch.ids), rowsOf(batch.targets)];
      let counted = 0;
      ids.forEach((row, i) => {
        row.forEach((id, place) => {
          const target = targets[i]?.[place];
          if (target === IGNORED_LABEL) {
            if (id !== original[place]) expect.fail('changed without a target');
            return;
          }
          counted++;
          if (target !== original[place]) expect.fail('the target is not what stood there');
          chosenAt[place]!++;
          if (id === maskId) kinds[0]!++;
          else if (id === target) kinds[2]!++;
          else {
            kinds[1]!++;
            replacements.set(id, (replacements.get(id) ?? 0) + 1);
          }
        });
      });
      expect(batch.tokens).toBe(counted);
    }
    expect([chosenAt[0], chosenAt[201]]).toEqual([0, 0]);
    const inner = chosenAt.slice(1, 201);
    const total = inner.reduce((sum, count) => sum + count, 0);
    expect(Math.abs(total - 0.15 * 200 * rows)).toBeLessThan(3.3 * Math.sqrt(0.15 * 0.85 * 200 * rows));
    expect(
      chiSquare(
        inner,
        inner.map(() => 0.15 * rows),
      ) / 0.85,
    ).toBeLessThan(chiSquareLimit(200));
    const numOrdinary = wordPiece.vocabSize - special.size;
    const same = 0.1 + 0.1 / numOrdinary; // any token may be the one that stood there
    expect(chiSquare(kinds, [0.8 * total, (0.2 - same) * total, same * total])).toBeLessThan(chiSquareLimit(2));
    expect([...replacements.keys()].filter((id) => special.has(id))).toEqual([]);
    const expected = ((0.2 - same) * total) / numOrdinary;
    const counts = Array.from({ length: wordPiece.vocabSize }, (_, id) => id)
      .filter((id) => !special.has(id))
      .map((id) => replacements.get(id) ?? 0);
    expect(
      chiSquare(
        counts,
        counts.map(() => expected),
      ),
    ).toBeLessThan(chiSquareLimit(numOrdinary - 1));
  });

  it('chooses anew each time, by the place in the run and not by the size of batches', () => {
    const collator = maskedLanguageModel({ tokenizer: wordPiece });
    const idsOf = (count: number, draws: Draws): string[] => {
      using batch = collator.collate(new Array<TokenExample>(count).fill(long(60)), draws);
      return rowsOf(batch.ids).map(String);
    };
    const whole = idsOf(6, new Draws({ seed: 1, step: 0, first: 0 }));
    expect(new Set(whole).size).toBe(6);
    const parts = [0, 2, 4].flatMap((place) => idsOf(2, new Draws({ seed: 1, step: place / 2, first: place })));
    expect(parts).toEqual(whole);
    expect(idsOf(6, new Draws({ seed: 2, step: 0, first: 0 }))).not.toEqual(whole);
  });

  it('chooses all pieces of a word or none with wholeWords', () => {
    const example = wordPiece.encode(
      'unhappiness uncomfortable the fox unbelievable peppers jumps lazy dog shells she',
    );
    const words = [...example.words];
    expect(new Set(words.filter((word) => word >= 0)).size).toBeLessThan(words.length - 2); // some have several pieces
    const collator = maskedLanguageModel({ tokenizer: wordPiece, wholeWords: true, probability: 0.3 });
    const most = Math.round((words.length - 2) * 0.3);
    using batch = collator.collate(new Array<TokenExample>(300).fill(example), first(9));
    const seen = new Set<number>();
    for (const row of rowsOf(batch.targets)) {
      const chosen = new Set(row.flatMap((target, place) => (target === IGNORED_LABEL ? [] : [words[place] ?? -1])));
      row.forEach((target, place) => expect(target !== IGNORED_LABEL).toBe(chosen.has(words[place] ?? -1)));
      const count = row.filter((target) => target !== IGNORED_LABEL).length;
      expect(count).toBeGreaterThan(0);
      if (chosen.size > 1) expect(count).toBeLessThanOrEqual(most);
      for (const word of chosen) seen.add(word);
    }
    expect(seen.size).toBe(new Set(words).size - 1); // all but -1
  });

  it('pads, gives types, and has a target in each text however short', () => {
    const examples = [wordPiece.encode('the'), wordPiece.encode('the fox', { pair: 'jumps' })];
    const collator = maskedLanguageModel({ tokenizer: wordPiece, padToMultipleOf: 8 });
    const width = Math.ceil((examples[1]?.length ?? 0) / 8) * 8;
    for (let seed = 0; seed < 20; seed++) {
      using batch = collator.collate(examples, first(seed));
      const { ids, attentionMask, tokenTypeIds, targets } = batch;
      expect([ids, attentionMask, tokenTypeIds, targets].map(({ shape, dtype }) => [shape, dtype])).toEqual(
        [0, 1, 2, 3].map(() => [[2, width], 'int32']),
      );
      expect(rowsOf(attentionMask)).toEqual(
        examples.map(({ length }) => Array.from({ length: width }, (_, i) => (i < length ? 1 : 0))),
      );
      expect(rowsOf(tokenTypeIds)[1]?.slice(0, examples[1]?.length)).toEqual([...(examples[1]?.typeIds ?? [])]);
      const [short = []] = rowsOf(targets);
      const length = examples[0]?.length ?? 0;
      expect(short.filter((target) => target >= 0).length).toBeGreaterThan(0);
      expect([short[0], ...short.slice(length - 1)].every((target) => target === IGNORED_LABEL)).toBe(true);
      expect(rowsOf(ids)[0]?.slice(length)).toEqual(new Array(width - length).fill(wordPiece.padTokenId));
    }
  });

  it('never asks for special tokens that a text has, with or without a mask that says so', () => {
    const encoding = wordPiece.encode('the [SEP] fox [MASK] § jumps');
    for (const example of [encoding, { ids: encoding.ids }]) {
      using batch = maskedLanguageModel({ tokenizer: wordPiece, probability: 1 }).collate([example], first());
      const expected = [...encoding.ids].map((id) => (special.has(id) ? IGNORED_LABEL : id));
      expect(rowsOf(batch.targets)).toEqual([expected]);
      expect(expected.filter((id) => id === IGNORED_LABEL).length).toBe(5); // [UNK] too
    }
  });

  it('works with byte-level BPE, and refuses tokenizers without a mask token and shares that are none', () => {
    using batch = maskedLanguageModel({ tokenizer: bytes, wholeWords: true }).collate(
      [bytes.encode('the quick brown fox')],
      first(),
    );
    expect(batch.tokens).toBeGreaterThan(0);
    expect(problemOf(() => maskedLanguageModel({ tokenizer: unigram }))).toContain(
      'special-token: maskedLanguageModel: the tokenizer names no mask_token',
    );
    expect(() => maskedLanguageModel({ tokenizer: bytes, probability: 2 })).toThrow(
      'probability must be a share in [0, 1], got 2',
    );
    expect(() => maskedLanguageModel({ tokenizer: bytes, maskShare: 0.95 })).toThrow('must not exceed 1');
  });
});

describe('bertPreTraining', () => {
  it('adds the labels of next-sentence prediction', () => {
    const pair = { ...long(20), nextSentenceLabel: 1 };
    using batch = bertPreTraining({ tokenizer: wordPiece }).collate([pair, { ...pair, nextSentenceLabel: 0 }], first());
    expect([...batch.nextSentenceLabels.dataSync()]).toEqual([1, 0]);
    expect(batch.nextSentenceLabels.dtype).toBe('int32');
  });
});
