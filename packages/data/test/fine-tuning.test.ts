import { ValueError } from '@formers/backend';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import {
  causalLanguageModel,
  denoising,
  encodePairs,
  encodeQuestions,
  encodeTags,
  encodeTexts,
  IGNORED_LABEL,
  maskedLanguageModel,
  questionAnswering,
  sequenceToSequence,
  spanCorruption,
  textClassification,
  tokenClassification,
} from '../src/index.ts';
import { bytes, first, problemOf, rowsOf, unigram, withoutLeaks, wordPiece } from './helpers.ts';

withoutLeaks();
const where = 'x.csv, row 3';

describe('sequenceToSequence', () => {
  const pairs = encodePairs(
    [
      { source: 'the quick fox', target: 'jumps over the dog', where },
      { source: 'she sells sea shells', target: 'she', where },
    ],
    { tokenizer: unigram, maxLength: 40 },
  );

  it('teaches the decoder each target after the ones before it', () => {
    using batch = sequenceToSequence({ tokenizer: unigram }).collate(pairs, first());
    const { ids, attentionMask, decoderIds, decoderAttentionMask, targets, tokens } = batch;
    expect(targets.shape).toEqual(decoderIds.shape);
    for (const [row, pair] of pairs.entries()) {
      const length = pair.targets.length;
      expect(rowsOf(ids)[row]?.slice(0, pair.ids.length)).toEqual([...pair.ids]);
      expect(rowsOf(targets)[row]).toEqual([
        ...pair.targets,
        ...new Array(targets.shape[1] - length).fill(IGNORED_LABEL),
      ]);
      expect(rowsOf(decoderIds)[row]?.slice(0, length)).toEqual([unigram.padTokenId, ...pair.targets.slice(0, -1)]);
      expect(rowsOf(attentionMask)[row]?.reduce((sum, bit) => sum + bit, 0)).toBe(pair.ids.length);
      expect(rowsOf(decoderAttentionMask)[row]?.reduce((sum, bit) => sum + bit, 0)).toBe(length);
      expect(pair.targets.at(-1)).toBe(unigram.eosTokenId);
    }
    expect(tokens).toBe(pairs.reduce((sum, pair) => sum + pair.targets.length, 0));
  });

  it('begins with another token where the model does, and pads to multiples', () => {
    using batch = sequenceToSequence({ tokenizer: unigram, decoderStartTokenId: 1, padToMultipleOf: 16 }).collate(
      pairs,
      first(),
    );
    expect(rowsOf(batch.decoderIds).map(([start]) => start)).toEqual([1, 1]);
    expect([batch.ids, batch.targets].map(({ shape }) => shape[1] % 16)).toEqual([0, 0]);
  });

  it('refuses what is too long with file and row, or cuts it when told to', () => {
    const items = [{ source: 'the quick brown fox', target: 'jumps', where }];
    expect(problemOf(() => encodePairs(items, { tokenizer: unigram, maxLength: 3 }))).toMatch(
      /^too-long: x\.csv, row 3: the source: \d+ tokens, at most 3 fit; tooLong: 'cut' drops the rest$/,
    );
    expect(problemOf(() => encodePairs(items, { tokenizer: unigram, maxTargetLength: 2 }))).toContain(
      'row 3: the target',
    );
    const [cut] = encodePairs(items, { tokenizer: unigram, maxLength: 5, tooLong: 'cut' });
    expect([cut?.ids.length, cut?.ids.at(-1)]).toEqual([5, unigram.eosTokenId]);
    expect(problemOf(() => encodePairs([], { tokenizer: unigram }))).toMatch(/^empty/);
  });
});

describe('causalLanguageModel', () => {
  it('asks for the next token, and not for the prompt', () => {
    const examples = [{ ids: Int32Array.of(5, 6, 7, 8), promptLength: 2 }, { ids: Int32Array.of(9, 10) }];
    using batch = causalLanguageModel({ tokenizer: bytes }).collate(examples, first());
    const pad = bytes.padTokenId;
    expect(rowsOf(batch.ids)).toEqual([
      [5, 6, 7],
      [9, pad, pad],
    ]);
    expect(rowsOf(batch.targets)).toEqual([
      [-100, 7, 8],
      [10, -100, -100],
    ]);
    expect(rowsOf(batch.attentionMask)).toEqual([
      [1, 1, 1],
      [1, 0, 0],
    ]);
    expect(batch.tokens).toBe(3);
    expect(() =>
      causalLanguageModel({ tokenizer: bytes }).collate([{ ids: Int32Array.of(5, 6), promptLength: 2 }], first()),
    ).toThrow('an example needs 2 tokens and one after its prompt, got 2 tokens with a prompt of 2');
  });
});

describe('textClassification', () => {
  const [one, two] = encodeTexts(
    [
      { text: 'the fox', label: 2, where },
      { text: 'the dog', pair: 'the sea shore', label: 0, where },
    ],
    { tokenizer: wordPiece },
  );
  it('gives texts, pairs and ids of classes', () => {
    if (!one || !two) return expect.fail();
    using batch = textClassification({ tokenizer: wordPiece, numLabels: 3 }).collate([one, two], first());
    expect([[...batch.labels.dataSync()], batch.labels.dtype, batch.tokens]).toEqual([[2, 0], 'int32', 2]);
    expect(rowsOf(batch.tokenTypeIds)[1]?.includes(1)).toBe(true);
    expect(rowsOf(batch.ids).map(([id]) => id)).toEqual([wordPiece.clsTokenId, wordPiece.clsTokenId]);
  });

  it('gives several labels and numbers as float32', () => {
    if (!one) return expect.fail();
    const several = textClassification({
      tokenizer: wordPiece,
      numLabels: 2,
      problemType: 'multi_label_classification',
    });
    using batch = several.collate([{ ...one, label: Float32Array.of(1, 0) }], first());
    expect([batch.labels.shape, batch.labels.dtype, [...batch.labels.dataSync()]]).toEqual([[1, 2], 'float32', [1, 0]]);
    const regression = textClassification({ tokenizer: wordPiece, numLabels: 1, problemType: 'regression' });
    using other = regression.collate([{ ...one, label: -0.5 }], first());
    expect([other.labels.dtype, [...other.labels.dataSync()]]).toEqual(['float32', [-0.5]]);
  });

  it('refuses labels that the model does not have, before any tensor is made', () => {
    if (!one) return expect.fail();
    const problem = (label: number | Float32Array, options: object = {}): void => {
      using _ = textClassification({ tokenizer: wordPiece, numLabels: 2, ...options }).collate(
        [{ ...one, label }],
        first(),
      );
    };
    for (const label of [2, -1, 0.5, Number.NaN, Float32Array.of(1, 0)])
      expect(() => problem(label)).toThrow('label must be a whole number in [0, 2)');
    expect(() => problem(1, { problemType: 'multi_label_classification' })).toThrow(
      'label must be 2 numbers in [0, 1], got 1',
    );
    expect(() => problem(Infinity, { problemType: 'regression' })).toThrow(ValueError);
  });
});

describe('every objective', () => {
  const bad = { ids: Int32Array.of(5, 4000) };
  const common = { ...bad, targets: bad.ids, label: 0, start: 0, end: 0, question: 0, contextOffsets: [] };
  it.each([
    ['textClassification', textClassification({ tokenizer: bytes, numLabels: 2 })],
    ['tokenClassification', tokenClassification({ tokenizer: bytes, numLabels: 5000 })],
    ['questionAnswering', questionAnswering({ tokenizer: bytes })],
    ['sequenceToSequence', sequenceToSequence({ tokenizer: bytes })],
    ['causalLanguageModel', causalLanguageModel({ tokenizer: bytes })],
    ['maskedLanguageModel', maskedLanguageModel({ tokenizer: bytes })],
    ['denoising', denoising({ tokenizer: bytes })],
    ['spanCorruption', spanCorruption({ tokenizer: unigram })],
  ])('refuses ids that the tokenizer does not have, and leaves no tensor behind: %s', (name, collator) => {
    const before = memory().numTensors;
    expect(() => collator.collate([common, common], first())).toThrow(
      `${name}: row 0 of a batch: ids must be whole numbers in [0, ${name === 'spanCorruption' ? unigram.vocabSize : bytes.vocabSize}), got 4000 at position 1`,
    );
    expect(memory().numTensors).toBe(before);
  });

  it('pads to a length that is given, and refuses one that is too short', () => {
    const examples = ['the fox', 'the quick brown fox jumps'].map((text) => ({
      ids: wordPiece.encode(text).ids,
      label: 0,
    }));
    const shapeOf = (padToLength: number): number[] => {
      using batch = textClassification({ tokenizer: wordPiece, numLabels: 2, padToLength }).collate(examples, first());
      return batch.ids.shape;
    };
    expect(shapeOf(40)).toEqual([2, 40]);
    expect(() => shapeOf(4)).toThrow('padToLength must be at least');
  });
});

describe('tokenClassification', () => {
  const items = [{ words: ['Unhappiness', 'is', 'the', 'uncomfortable', 'fox'], tags: [3, 1, 0, 2, 4], where }];
  it.each([
    ['WordPiece', wordPiece],
    ['byte-level BPE', bytes],
    ['unigram', unigram],
  ])('tags the first piece of each word, or all of them: %s', (_, tokenizer) => {
    const [example] = encodeTags(items, { tokenizer });
    const [all] = encodeTags(items, { tokenizer, tagAllPieces: true });
    if (!example || !all) return expect.fail();
    expect([...example.targets].filter((target) => target !== IGNORED_LABEL)).toEqual([3, 1, 0, 2, 4]);
    expect(all.targets.length).toBeGreaterThan(7); // words of several pieces
    const text = items[0]?.words.join(' ') ?? '';
    const encoding = tokenizer.encode(text);
    all.targets.forEach((target, token) => {
      const [start, end] = encoding.offsets[token] ?? [0, 0];
      expect(target === IGNORED_LABEL).toBe(text.slice(start, end).trim() === ''); // special, or a space alone
    });
    expect([...all.targets].filter((target, i, list) => target >= 0 && target !== list[i - 1])).toEqual([
      3, 1, 0, 2, 4,
    ]);
    const starts = [...example.targets].flatMap((target, token) =>
      target >= 0 ? [encoding.offsets[token] ?? [0, 0]] : [],
    );
    expect(starts.map(([start, end]) => text.slice(start, end).trim()[0])).toEqual(['U', 'i', 't', 'u', 'f']);
  });

  it('pads targets with -100 and refuses tags that the model does not have', () => {
    const examples = encodeTags([...items, { words: ['the'], tags: [1], where }], { tokenizer: wordPiece });
    using batch = tokenClassification({ tokenizer: wordPiece, numLabels: 5 }).collate(examples, first());
    expect(rowsOf(batch.targets)[1]?.filter((target) => target !== IGNORED_LABEL)).toEqual([1]);
    expect(batch.targets.shape).toEqual(batch.ids.shape);
    expect(batch.tokens).toBe(6);
    expect(() => tokenClassification({ tokenizer: wordPiece, numLabels: 4 }).collate(examples, first())).toThrow(
      'label must be a whole number in [0, 4), got 4',
    );
    expect(problemOf(() => encodeTags([{ words: ['a', 'b'], tags: [1], where }], { tokenizer: wordPiece }))).toBe(
      'pair: x.csv, row 3: 2 words but 1 tags',
    );
  });

  it('drops the tags of words that are cut off', () => {
    const [example] = encodeTags(items, { tokenizer: wordPiece, maxLength: 6, tooLong: 'cut' });
    expect(example?.targets.length).toBe(6);
    expect([...(example?.targets ?? [])].slice(0, 2)).toEqual([IGNORED_LABEL, 3]);
    expect(problemOf(() => encodeTags(items, { tokenizer: wordPiece, maxLength: 6 }))).toMatch(
      /^too-long: x\.csv, row 3/,
    );
  });
});

describe('questionAnswering', () => {
  const context =
    'The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore. Peter Piper picked a peck of pickled peppers.';
  const item = (
    answer: string,
    given = context,
  ): { id: string; question: string; context: string; answers: { text: string; start: number }[]; where: string } => ({
    id: 'q',
    question: 'Who picked?',
    context: given,
    answers: answer === '' ? [] : [{ text: answer, start: given.indexOf(answer) }],
    where,
  });
  const textOf = (window: ReturnType<typeof encodeQuestions>[number], given = context): string =>
    given.slice(window.contextOffsets[window.start]?.[0], window.contextOffsets[window.end]?.[1]);

  it.each([
    ['WordPiece', wordPiece],
    ['byte-level BPE', bytes],
  ])('finds answers by offsets, in every window that has them whole: %s', (_, tokenizer) => {
    for (const answer of ['quick', 'Peter Piper', 'peppers', 'She sells sea']) {
      const windows = encodeQuestions([item(answer)], { tokenizer, maxLength: 40, stride: 12 });
      expect(windows.length).toBeGreaterThan(2);
      const found = windows.filter(({ end }) => end > 0);
      expect(found.length).toBeGreaterThan(0);
      for (const window of found) expect(textOf(window).trim()).toBe(answer);
      for (const { start, end, contextOffsets } of windows.filter((window) => window.end === 0)) {
        expect([start, end]).toEqual([0, 0]);
        const places = contextOffsets.filter((range) => range !== null);
        const [from, to] = [places[0]?.[0] ?? 0, places.at(-1)?.[1] ?? 0];
        const at = context.indexOf(answer);
        expect(from <= at && to >= at + answer.length).toBe(false);
      }
    }
  });

  it('covers the context, with shared tokens between neighbours', () => {
    const windows = encodeQuestions([item('quick')], { tokenizer: wordPiece, maxLength: 40, stride: 12 });
    const whole = encodeQuestions([item('quick')], { tokenizer: wordPiece, maxLength: 500, stride: 12 });
    expect(whole.length).toBe(1);
    const offsets = new Set(
      windows.flatMap((window) => window.contextOffsets.flatMap((range) => (range ? [String(range)] : []))),
    );
    expect(offsets).toEqual(new Set(whole[0]?.contextOffsets.flatMap((range) => (range ? [String(range)] : []))));
    expect(windows.every(({ ids }) => ids.length <= 40)).toBe(true);
    const [one, two] = windows.map(({ contextOffsets }) =>
      contextOffsets.flatMap((range) => (range ? [String(range)] : [])),
    );
    expect(one?.slice(-12)).toEqual(two?.slice(0, 12));
  });

  it('points at the first token where there is no answer, and makes batches', () => {
    const windows = encodeQuestions([item(''), item('😀 fox', 'a 😀 fox')], { tokenizer: bytes, maxLength: 500 });
    expect([windows[0]?.start, windows[0]?.end]).toEqual([0, 0]);
    expect(windows[1] && textOf(windows[1], 'a 😀 fox').trim()).toBe('😀 fox');
    using batch = questionAnswering({ tokenizer: bytes }).collate(windows, first());
    expect([...batch.startPositions.dataSync()]).toEqual(windows.map(({ start }) => start));
    expect([...batch.endPositions.dataSync()]).toEqual(windows.map(({ end }) => end));
    expect(batch.tokens).toBe(2);
  });

  it('refuses questions that leave no room', () => {
    expect(
      problemOf(() => encodeQuestions([item('quick')], { tokenizer: wordPiece, maxLength: 10, stride: 2 })),
    ).toMatch(
      /^too-long: x\.csv, row 3: the question has \d+ tokens, which leaves no room for a context in 10 with stride 2$/,
    );
    expect(problemOf(() => encodeQuestions([], { tokenizer: wordPiece }))).toMatch(/^empty/);
  });
});
