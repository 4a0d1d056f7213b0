import { describe, expect, test } from 'vitest';
import { type Tokenizer, trainBpe, trainUnigram, trainWordPiece, type Pipeline } from '../src/index.ts';
import { corpus, fixtureFolder, readJson } from './helpers/fixtures.ts';

interface TokenizerJson extends Pipeline {
  added_tokens: { content: string }[];
  model: { vocab: Record<string, number> | [string, number][]; merges: [string, string][]; unk_token?: string };
}

const reference = (folder: string): TokenizerJson => readJson<TokenizerJson>(folder, 'tokenizer.json');
const made = (tokenizer: Tokenizer): TokenizerJson => JSON.parse(JSON.stringify(tokenizer.toJson()));
const llamaWords = { type: 'Split', pattern: { Regex: '▁+[^▁]*|[^▁]+' }, behavior: 'Isolated', invert: false };

/** The settings of each fixture's case.json, as options. */
const bpe = [
  { name: 'gpt2-bpe', vocabSize: 700, specialTokens: ['<|endoftext|>'], initialAlphabet: 'bytes' as const },
  {
    name: 'roberta-bpe',
    vocabSize: 640,
    specialTokens: ['<s>', '<pad>', '</s>', '<unk>', '<mask>'],
    initialAlphabet: 'bytes' as const,
  },
  {
    name: 'llama3-bpe',
    vocabSize: 680,
    specialTokens: ['<|begin_of_text|>', '<|end_of_text|>'],
    initialAlphabet: 'bytes' as const,
  },
  { name: 'gpt1-bpe', vocabSize: 600, specialTokens: ['<unk>', '<pad>'], limitAlphabet: 76, wordEndSuffix: '</w>' },
  {
    name: 'llama2-bpe',
    vocabSize: 800,
    specialTokens: ['<unk>', '<s>', '</s>'],
    unkToken: '<unk>',
    fuseUnknown: true,
    byteFallback: true,
    limitAlphabet: 99,
    splitWords: llamaWords,
  },
].map((options) => ({ ...options, folder: fixtureFolder(options.name) }));

describe('training gives the vocabulary and merges of the tokenizers library', () => {
  for (const { name, folder, splitWords, ...options } of bpe) {
    test.skipIf(!folder)(`${name}${folder ? '' : ' (skipped: ../shared is missing)'}`, () => {
      const {
        normalizer = null,
        pre_tokenizer = null,
        post_processor = null,
        decoder = null,
        model,
      } = reference(folder ?? '');
      const pipeline = { normalizer, pre_tokenizer: splitWords ?? pre_tokenizer, post_processor, decoder };
      const trained = made(trainBpe(corpus, { ...options, minFrequency: 2, pipeline })).model;
      expect(trained.merges).toEqual(model.merges);
      expect(trained.vocab).toEqual(model.vocab);
    });
  }

  test('gpt2-bpe by default options, as a whole file', () => {
    expect(made(trainBpe(corpus, { vocabSize: 700 }))).toEqual({
      ...reference(fixtureFolder('gpt2-bpe') ?? ''),
      post_processor: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
      decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    });
  });

  for (const { name, lowercase, ...options } of [
    { name: 'wordpiece-cased', vocabSize: 1000, limitAlphabet: 154, lowercase: false },
    { name: 'wordpiece-uncased', vocabSize: 900, limitAlphabet: 197, lowercase: true },
  ]) {
    const folder = fixtureFolder(name);
    test.skipIf(!folder)(`${name}${folder ? '' : ' (skipped: ../shared is missing)'}, as a whole file`, () => {
      expect(made(trainWordPiece(corpus, { ...options, lowercase }))).toEqual(reference(folder ?? ''));
    });
  }

  const t5 = fixtureFolder('unigram-t5');
  test.skipIf(!t5)(`unigram-t5${t5 ? '' : ' (skipped: ../shared is missing)'}`, () => {
    const expected = reference(t5 ?? '');
    const specialTokens = expected.added_tokens.map((token) => token.content);
    const trained = made(
      trainUnigram(corpus, { vocabSize: 800, specialTokens, eosToken: '</s>', unkToken: '<unk>', padToken: '<pad>' }),
    );
    expect({ ...trained, model: undefined }).toEqual({ ...expected, model: undefined });
    const [ours, theirs] = [trained.model.vocab, expected.model.vocab].map((vocab) =>
      Array.isArray(vocab) ? vocab : [],
    );
    expect(ours?.map(([piece]) => piece)).toEqual(theirs?.map(([piece]) => piece));
    for (const [index, [piece, score]] of (theirs ?? []).entries()) {
      expect(Math.abs((ours?.[index]?.[1] ?? 0) - score), piece).toBeLessThanOrEqual(1e-4 * Math.abs(score));
    }
  });

  test('a tokenizer trained with byte fallback spells what it never saw, and its special tokens stay apart', () => {
    const pipeline = { decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] } };
    const roles = { specialTokens: ['<unk>', '</s>'], unkToken: '<unk>', eosToken: '</s>' };
    const tokenizer = trainBpe(['abab abab'], { vocabSize: 262, byteFallback: true, pipeline, ...roles });
    const { tokens, ids } = tokenizer.encode('abé😀');
    expect(tokens).toEqual(['ab', '<0xC3>', '<0xA9>', '<0xF0>', '<0x9F>', '<0x98>', '<0x80>']);
    expect(tokenizer.tokenToId('<0x00>')).toBe(2);
    expect(tokenizer.specialTokenIds).toEqual([0, 1]);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('abé😀');
  });
});
