import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Tokenizer, TokenizerError, type Encoding } from '../src/index.ts';
import { codePointOffsets, fixtureFolder, fixtureFolders, hasShared, readJson } from './helpers/fixtures.ts';

interface ExpectedEncoding {
  text: string;
  pair?: string;
  ids: number[];
  type_ids?: number[];
  tokens: string[];
  offsets: [number, number][];
  special_tokens_mask: number[];
  decoded: string;
  decoded_with_special: string;
  ids_without_special: number[];
}

interface ExpectedPart {
  ids: number[];
  attention_mask: number[];
  type_ids?: number[];
  offsets?: [number, number][];
  overflowing?: ExpectedPart[];
}

interface ExpectedBatch {
  truncation?: { max_length: number; stride: number; strategy: string; direction: string };
  padding?: {
    direction: string;
    pad_id: number;
    pad_token: string;
    pad_type_id?: number;
    pad_to_multiple_of?: number;
    length?: number;
  };
  texts: (string | [string, string])[];
  encodings?: ExpectedPart[];
  error?: string;
}

describe.each(fixtureFolders())('$name equals the tokenizers library', ({ folder }) => {
  const file = readFileSync(join(folder, 'tokenizer.json'), 'utf8');
  const tokenizer = Tokenizer.fromJson(file);

  test('encodings', () => {
    const cases = readJson<ExpectedEncoding[]>(folder, 'encodings.json');
    expect(cases.length).toBeGreaterThan(200);
    for (const expected of cases) {
      const options = expected.pair === undefined ? {} : { pair: expected.pair };
      const encoding = tokenizer.encode(expected.text, options);
      const found = {
        text: expected.text,
        ...options,
        ids: [...encoding.ids],
        ...(expected.type_ids ? { type_ids: [...encoding.typeIds] } : {}),
        tokens: encoding.tokens,
        offsets: offsetsOf(encoding, [expected.text, expected.pair ?? '']),
        special_tokens_mask: [...encoding.specialTokensMask],
        decoded: tokenizer.decode(encoding.ids, { skipSpecialTokens: true }),
        decoded_with_special: tokenizer.decode(encoding.ids),
        ids_without_special: [...tokenizer.encode(expected.text, { ...options, addSpecialTokens: false }).ids],
      };
      expect(found).toEqual(expected);
      if (!expected.type_ids) expect([...encoding.typeIds]).toEqual(expected.ids.map(() => 0));
      expect([...encoding.attentionMask]).toEqual(expected.ids.map(() => 1));
      if (expected.pair === undefined) {
        expect([...tokenizer.encodeIds(expected.text)]).toEqual(expected.ids);
        expect([...tokenizer.encodeIds(expected.text, { addSpecialTokens: false })]).toEqual(
          expected.ids_without_special,
        );
      }
    }
  });

  test('stages', () => {
    const cases = readJson<{ text: string; normalized: string; pre_tokens?: [string, [number, number]][] }[]>(
      folder,
      'stages.json',
    );
    expect(cases.length).toBeGreaterThan(50);
    for (const { text, normalized, pre_tokens } of cases) {
      expect(tokenizer.normalize(text)).toBe(normalized);
      const words = tokenizer.preTokenize(normalized);
      const offsets = codePointOffsets(
        normalized,
        words.map((word) => word.offsets),
      );
      // a tokenizer without a pre-tokenizer takes all of the text as one word
      const expected = pre_tokens ?? (normalized === '' ? [] : [[normalized, [0, [...normalized].length]]]);
      expect(words.map((word, index) => [word.text, offsets[index]])).toEqual(expected);
    }
  });

  test('batches', () => {
    const cases = readJson<ExpectedBatch[]>(folder, 'batches.json');
    expect(cases.length).toBeGreaterThan(5);
    for (const batch of cases) {
      const json = { ...JSON.parse(file), truncation: truncationSection(batch), padding: paddingSection(batch) };
      const encode = (): Encoding[] => Tokenizer.fromJson(json).encodeBatch(batch.texts);
      if (batch.error !== undefined) {
        expect(encode).toThrowError(TokenizerError);
        continue;
      }
      const found = encode().map((encoding, index) => {
        const texts = [batch.texts[index] ?? ''].flat();
        return describePart(encoding, batch.encodings?.[index], texts);
      });
      expect(found).toEqual(batch.encodings);
    }
  });
});

test.skipIf(!hasShared)(
  'all shared tokenizer fixtures were compared (skipped: ../shared is missing, only the copies were)',
  () => {
    expect(fixtureFolders().length).toBeGreaterThanOrEqual(9);
  },
);

const spm = fixtureFolder('unigram-spm');
test.skipIf(!spm)(
  `compiled normalization: what a ligature adds swallows what is deleted behind it${spm ? '' : ' (skipped: ../shared is missing)'}`,
  () => {
    const tokenizer = Tokenizer.fromJson(readFileSync(join(spm ?? '', 'tokenizer.json'), 'utf8'));
    const offsets = (text: string): [number, number][] => tokenizer.encode(text, { addSpecialTokens: false }).offsets;
    expect(offsets('a\u2048\u0001b')).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ]); // ▁a ? ! b
    expect(offsets('\ufdfa\u0001\u0001b').slice(-3)).toEqual([
      [0, 1],
      [1, 2],
      [3, 4],
    ]);
  },
);

/** What the fixture tells of a part, and no more. */
function describePart(encoding: Encoding, expected: ExpectedPart | undefined, texts: readonly string[]): ExpectedPart {
  return {
    ids: [...encoding.ids],
    attention_mask: [...encoding.attentionMask],
    ...(expected?.type_ids ? { type_ids: [...encoding.typeIds] } : {}),
    ...(expected?.offsets ? { offsets: offsetsOf(encoding, texts) } : {}),
    ...(expected?.overflowing || encoding.overflowing.length > 0
      ? {
          overflowing: encoding.overflowing.map((part, index) =>
            describePart(part, expected?.overflowing?.[index], texts),
          ),
        }
      : {}),
  };
}

function offsetsOf(encoding: Encoding, texts: readonly string[]): [number, number][] {
  const converted = texts.map((text) => codePointOffsets(text, encoding.offsets));
  return encoding.sequenceIds.map((sequence, index) => converted[sequence ?? 0]?.[index] ?? [-1, -1]);
}

function truncationSection({ truncation }: ExpectedBatch): object | null {
  if (!truncation) return null;
  const { max_length, stride, strategy, direction } = truncation;
  const names = new Map([
    ['longest_first', 'LongestFirst'],
    ['only_first', 'OnlyFirst'],
    ['only_second', 'OnlySecond'],
  ]);
  return { max_length, stride, strategy: names.get(strategy), direction: direction === 'left' ? 'Left' : 'Right' };
}

function paddingSection({ padding }: ExpectedBatch): object | null {
  if (!padding) return null;
  return {
    strategy: padding.length === undefined ? 'BatchLongest' : { Fixed: padding.length },
    direction: padding.direction === 'left' ? 'Left' : 'Right',
    pad_to_multiple_of: padding.pad_to_multiple_of ?? null,
    pad_id: padding.pad_id,
    pad_type_id: padding.pad_type_id ?? 0,
    pad_token: padding.pad_token,
  };
}
