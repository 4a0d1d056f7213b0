import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { type Encoding, Tokenizer, TokenizerError } from '@formers/tokenizers';

import { type Case, readCaseJson } from '../case.ts';
import type { Comparison } from '../comparison.ts';
import { asksForTraining, compareTraining } from './tokenizer-training.ts';

interface ExpectedEncoding {
  readonly text: string;
  readonly pair?: string;
  readonly ids: readonly number[];
  readonly type_ids?: readonly number[];
  readonly tokens: readonly string[];
  readonly offsets: readonly [number, number][];
  readonly special_tokens_mask: readonly number[];
  readonly decoded: string;
  readonly decoded_with_special: string;
  readonly ids_without_special: readonly number[];
}

interface ExpectedStage {
  readonly text: string;
  readonly normalized: string;
  /** Absent where the tokenizer has no pre-tokenizer. */
  readonly pre_tokens?: readonly [string, [number, number]][];
}

interface ExpectedPart {
  readonly ids: readonly number[];
  readonly attention_mask: readonly number[];
  readonly type_ids?: readonly number[];
  readonly offsets?: readonly [number, number][];
  readonly overflowing?: readonly ExpectedPart[];
}

interface ExpectedBatch {
  readonly truncation?: {
    readonly max_length: number;
    readonly stride: number;
    readonly strategy: string;
    readonly direction: string;
  };
  readonly padding?: {
    readonly direction: string;
    readonly pad_id: number;
    readonly pad_token: string;
    readonly pad_type_id?: number;
    readonly pad_to_multiple_of?: number;
    readonly length?: number;
  };
  readonly texts: readonly (string | [string, string])[];
  readonly encodings?: readonly ExpectedPart[];
  readonly error?: string;
}

/** The parts of a tokenizer's case: encodings, the stages before the model, batches with truncation and padding, and training. */
export async function tokenizerCases(given: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  const { folder } = given;
  const file = await readFile(path.join(folder, 'tokenizer.json'), 'utf8');
  return [
    [
      'encodings',
      async (comparison) =>
        compareEncodings(file, await readCaseJson<ExpectedEncoding[]>(folder, 'encodings.json'), comparison),
    ],
    [
      'stages',
      async (comparison) => compareStages(file, await readCaseJson<ExpectedStage[]>(folder, 'stages.json'), comparison),
    ],
    [
      'batches',
      async (comparison) =>
        compareBatches(file, await readCaseJson<ExpectedBatch[]>(folder, 'batches.json'), comparison),
    ],
    ...(asksForTraining(given) ? [trainingPart(given, file)] : []),
  ];
}

function trainingPart(given: Case, file: string): [string, (comparison: Comparison) => Promise<void>] {
  return ['training', (comparison) => compareTraining(given, file, comparison)];
}

function compareEncodings(file: string, cases: readonly ExpectedEncoding[], comparison: Comparison): void {
  const tokenizer = Tokenizer.fromJson(file);
  for (const expected of cases) {
    const { text, pair } = expected;
    const options = pair === undefined ? {} : { pair };
    const encoding = tokenizer.encode(text, options);
    const name = JSON.stringify(pair === undefined ? text : [text, pair]);
    comparison.equal(`${name} ids`, [...encoding.ids], expected.ids);
    comparison.equal(`${name} tokens`, encoding.tokens, expected.tokens);
    comparison.equal(`${name} offsets`, offsetsOf(encoding, [text, pair ?? '']), expected.offsets);
    comparison.equal(`${name} special tokens`, [...encoding.specialTokensMask], expected.special_tokens_mask);
    comparison.equal(`${name} type ids`, [...encoding.typeIds], expected.type_ids ?? expected.ids.map(() => 0));
    comparison.equal(
      `${name} ids without special tokens`,
      [...tokenizer.encode(text, { ...options, addSpecialTokens: false }).ids],
      expected.ids_without_special,
    );
    comparison.equal(`${name} decoded`, tokenizer.decode(encoding.ids, { skipSpecialTokens: true }), expected.decoded);
    comparison.equal(
      `${name} decoded with special tokens`,
      tokenizer.decode(encoding.ids),
      expected.decoded_with_special,
    );
  }
}

function compareStages(file: string, cases: readonly ExpectedStage[], comparison: Comparison): void {
  const tokenizer = Tokenizer.fromJson(file);
  for (const { text, normalized, pre_tokens: expected } of cases) {
    comparison.equal(`${JSON.stringify(text)} normalized`, tokenizer.normalize(text), normalized);
    if (!expected) continue;
    const words = tokenizer.preTokenize(normalized);
    const offsets = codePointOffsets(
      normalized,
      words.map((word) => word.offsets),
    );
    comparison.equal(
      `${JSON.stringify(text)} pre-tokens`,
      words.map((word, i) => [word.text, offsets[i]]),
      expected,
    );
  }
}

function compareBatches(file: string, cases: readonly ExpectedBatch[], comparison: Comparison): void {
  for (const [i, batch] of cases.entries()) {
    const json = {
      ...(JSON.parse(file) as object),
      truncation: truncationSection(batch),
      padding: paddingSection(batch),
    };
    const encode = (): Encoding[] => Tokenizer.fromJson(json).encodeBatch(batch.texts);
    if (batch.error === undefined) {
      const found = encode().map((encoding, row) =>
        describePart(encoding, { expected: batch.encodings?.[row], texts: [batch.texts[row] ?? ''].flat() }),
      );
      comparison.equal(`batch ${i}`, found, batch.encodings);
    } else comparison.equal(`batch ${i} is refused`, refuses(encode), true);
  }
}

function refuses(encode: () => unknown): boolean {
  try {
    encode();
    return false;
  } catch (error) {
    return TokenizerError.isInstance(error);
  }
}

/** What the case tells of a part, in its order, and no more. */
function describePart(
  encoding: Encoding,
  { expected, texts }: { expected: ExpectedPart | undefined; texts: readonly string[] },
): object {
  const found: Record<string, unknown> = {
    ids: [...encoding.ids],
    attention_mask: [...encoding.attentionMask],
    type_ids: [...encoding.typeIds],
    offsets: offsetsOf(encoding, texts),
  };
  if (encoding.overflowing.length > 0) {
    found['overflowing'] = encoding.overflowing.map((part, i) =>
      describePart(part, { expected: expected?.overflowing?.[i], texts }),
    );
  }
  const told = new Set([...Object.keys(expected ?? {}), 'ids', 'overflowing']);
  const order = Object.keys(expected ?? found);
  return Object.fromEntries(
    Object.entries(found)
      .filter(([key]) => told.has(key))
      .toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b)),
  );
}

/** Offsets of tokens as the cases count them. */
function offsetsOf(encoding: Encoding, texts: readonly string[]): [number, number][] {
  const converted = texts.map((text) => codePointOffsets(text, encoding.offsets));
  return encoding.sequenceIds.map((sequence, i) => converted[sequence ?? 0]?.[i] ?? [-1, -1]);
}

/** UTF-16 positions as counts of code points. */
function codePointOffsets(text: string, offsets: readonly (readonly [number, number])[]): [number, number][] {
  const counts = new Int32Array(text.length + 1);
  let at = 0;
  for (const [count, character] of [...text].entries()) {
    counts.fill(count, at, at + character.length);
    at += character.length;
    counts[at] = count + 1;
  }
  return offsets.map(([start, end]) => [counts[start] ?? -1, counts[end] ?? -1]);
}

const STRATEGIES: ReadonlyMap<string, string> = new Map([
  ['longest_first', 'LongestFirst'],
  ['only_first', 'OnlyFirst'],
  ['only_second', 'OnlySecond'],
]);

function truncationSection({ truncation }: ExpectedBatch): object | null {
  if (!truncation) return null;
  const { max_length, stride, strategy, direction } = truncation;
  return { max_length, stride, strategy: STRATEGIES.get(strategy), direction: direction === 'left' ? 'Left' : 'Right' };
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
