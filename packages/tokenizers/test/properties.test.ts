import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Tokenizer, trainBpe, trainCharacters } from '../src/index.ts';
import { corpus, fixtureFolders } from './helpers/fixtures.ts';

const text = fc.string({ unit: 'binary', maxLength: 60 });
const words = fc.array(
  fc.constantFrom('the', ' ', 'The', "'s", '\n', '日本', '😀', 'é', '  ', '12', '<|endoftext|>', '[CLS]', '!'),
  { maxLength: 20 },
);
const input = fc.oneof(
  text,
  words.map((list) => list.join('')),
);

describe('byte-level BPE', () => {
  const tokenizer = trainBpe(corpus, { vocabSize: 500 });

  test('decode gives back every text', () => {
    fc.assert(
      fc.property(input, (value) => {
        expect(tokenizer.decode(tokenizer.encode(value).ids)).toBe(value);
      }),
      { numRuns: 500 },
    );
  });

  test('offsets cover the text in order, and a token that stands for whole characters stands where they are', () => {
    fc.assert(
      fc.property(input, (value) => {
        const { ids, offsets } = tokenizer.encode(value);
        let last = 0;
        for (const [index, [start, end]] of offsets.entries()) {
          const decoded = tokenizer.decode([ids[index] ?? 0]);
          if (!decoded.includes('\ufffd')) expect(value.slice(start, end)).toBe(decoded);
          expect(start === last || (start < last && [...value.slice(start, last)].length === 1)).toBe(true); // next, or more bytes of this one
          expect(end).toBeGreaterThan(start);
          last = end;
        }
        expect(last).toBe(value.length);
      }),
      { numRuns: 300 },
    );
  });

  test('a stream of ids gives the same text, piece by piece', () => {
    fc.assert(
      fc.property(input, (value) => {
        const stream = tokenizer.decodeStream();
        const pieces = Array.from(tokenizer.encodeIds(value), (id) => stream.push(id));
        expect(pieces.join('') + stream.end()).toBe(value);
        for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

test('characters: decode gives back every text of known characters, and positions are those of the characters', () => {
  fc.assert(
    fc.property(input, input, (known, more) => {
      const tokenizer = trainCharacters([known, more]);
      const { ids, offsets } = tokenizer.encode(known);
      expect(tokenizer.decode(ids)).toBe(known);
      expect(offsets.map(([start, end]) => known.slice(start, end))).toEqual([...known]);
      expect([...tokenizer.encodeIds(known)]).toEqual([...ids]);
    }),
    { numRuns: 200 },
  );
});

describe.each(fixtureFolders())('$name', ({ folder }) => {
  const tokenizer = Tokenizer.fromJson(readFileSync(join(folder, 'tokenizer.json'), 'utf8'));

  test('offsets lie in the text, on characters, in order; all lists are equally long; lone surrogates are U+FFFD', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          input,
          fc.string({
            unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
            maxLength: 20,
          }),
        ),
        (value) => {
          const encoding = tokenizer.encode(value, { addSpecialTokens: false });
          let last = 0;
          for (const [start, end] of encoding.offsets) {
            expect(start).toBeGreaterThanOrEqual(last);
            expect(end).toBeGreaterThanOrEqual(start);
            expect(end).toBeLessThanOrEqual(value.length);
            expect(value.toWellFormed().slice(start, end).isWellFormed()).toBe(true);
            last = start;
          }
          for (const list of [
            encoding.tokens,
            encoding.typeIds,
            encoding.attentionMask,
            encoding.specialTokensMask,
            encoding.wordIds,
            encoding.sequenceIds,
          ]) {
            expect(list.length).toBe(encoding.length);
          }
          expect([...encoding.ids]).toEqual([
            ...tokenizer.encode(value.toWellFormed(), { addSpecialTokens: false }).ids,
          ]);
          expect([...encoding.ids]).toEqual([...tokenizer.encodeIds(value, { addSpecialTokens: false })]);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('truncation keeps maxLength, and the parts with their strides make the whole again', () => {
    fc.assert(
      fc.property(
        input,
        fc.integer({ min: 5, max: 20 }),
        fc.integer({ min: 0, max: 2 }),
        (value, maxLength, stride) => {
          const whole = tokenizer.encode(value, { addSpecialTokens: false });
          const cut = tokenizer.encode(value, { addSpecialTokens: false, maxLength, stride });
          const parts = [cut, ...cut.overflowing];
          for (const part of parts) expect(part.length).toBeLessThanOrEqual(maxLength);
          expect(parts.flatMap((part, index) => [...part.ids.slice(index === 0 ? 0 : stride)])).toEqual([...whole.ids]);
          const padded = tokenizer.encodeBatch([value, ''], {
            addSpecialTokens: true,
            truncation: 'longest_first',
            maxLength,
            stride,
          });
          expect(padded[0]?.length).toBeLessThanOrEqual(maxLength);
        },
      ),
      { numRuns: 50 },
    );
  });
});
