import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Tokenizer, TokenizerError } from '../src/index.ts';

type Json = Record<string, unknown>;

/** A small valid file of each kind of model. */
const files: Record<string, Json> = {
  BPE: { model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: [['a', 'b']] } },
  WordPiece: {
    model: {
      type: 'WordPiece',
      vocab: { a: 0, u: 1 },
      unk_token: 'u',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 10,
    },
  },
  WordLevel: { model: { type: 'WordLevel', vocab: { a: 0, u: 1 }, unk_token: 'u' } },
  Unigram: {
    model: {
      type: 'Unigram',
      vocab: [
        ['u', 0],
        ['a', -1],
      ],
      unk_id: 0,
    },
  },
};
const file = (kind: string, model: Json = {}, sections: Json = {}): Json => {
  const base = files[kind] ?? {};
  return { version: '1.0', ...base, ...sections, model: { ...Object(base['model']), ...model } };
};
const added = (id: number, content: string, more: Json = {}): Json => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...more,
});
const section = (name: string, value: unknown): Json => file('BPE', {}, { [name]: value });
const split = (pattern: unknown): Json =>
  section('pre_tokenizer', { type: 'Split', pattern, behavior: 'Isolated', invert: false });
const regex = (pattern: string): Json => split({ Regex: pattern });
const template = (single: unknown, special: unknown = {}): Json =>
  section('post_processor', { type: 'TemplateProcessing', single, pair: [], special_tokens: special });
const many = (count: number): Json => Object.fromEntries(Array.from({ length: count }, (_, id) => [`t${id}`, id]));

const refused: [what: string, json: unknown, code: string][] = [
  ['no object', [], 'format'],
  ['null', null, 'format'],
  ['no model', { version: '1.0' }, 'format'],
  ['another version', { ...file('BPE'), version: '2.0' }, 'unsupported'],
  ['a model of no known type', file('BPE', { type: 'Transformer' }), 'unsupported'],
  ['a normalizer of no known type', section('normalizer', { type: 'Uppercase' }), 'unsupported'],
  ['a pre-tokenizer of no known type', section('pre_tokenizer', { type: 'eval' }), 'unsupported'],
  ['a post-processor of no known type', section('post_processor', { type: 'constructor' }), 'unsupported'],
  ['a decoder of no known type', section('decoder', { type: '__proto__' }), 'unsupported'],
  ['a normalizer that is a list', section('normalizer', [1]), 'format'],
  ['a type that is a number', section('normalizer', { type: 1 }), 'format'],
  ['a vocabulary that is a list', file('BPE', { vocab: ['a'] }), 'format'],
  ['no vocabulary', file('BPE', { vocab: undefined }), 'format'],
  ['an id that is negative', file('BPE', { vocab: { a: 0, b: -1 }, merges: [] }), 'ids'],
  ['an id that is no whole number', file('BPE', { vocab: { a: 0, b: 1.5 }, merges: [] }), 'ids'],
  ['an id that is a string', file('BPE', { vocab: { a: 0, b: '1' }, merges: [] }), 'ids'],
  ['an id beyond all bounds', file('BPE', { vocab: { a: 0, b: 4e9 }, merges: [] }), 'ids'],
  ['an id of 2^31', file('BPE', { vocab: { a: 0, b: 2 ** 31 }, merges: [] }), 'ids'],
  ['two tokens with one id', file('BPE', { vocab: { a: 0, b: 0 }, merges: [] }), 'ids'],
  ['a gap in the ids', file('BPE', { vocab: { a: 0, b: 2 }, merges: [] }), 'ids'],
  ['ids that begin at 1', file('WordLevel', { vocab: { a: 1, u: 2 } }), 'ids'],
  ['an added token with the id of another', file('BPE', {}, { added_tokens: [added(0, 'x')] }), 'ids'],
  ['two added tokens with one id', file('BPE', {}, { added_tokens: [added(3, 'x'), added(3, 'y')] }), 'ids'],
  ['an added token with two ids', file('BPE', {}, { added_tokens: [added(3, 'x'), added(4, 'x')] }), 'ids'],
  ['an added token behind a gap', file('BPE', {}, { added_tokens: [added(9, 'x')] }), 'ids'],
  ['an added token with another id than in the vocabulary', file('BPE', {}, { added_tokens: [added(3, 'a')] }), 'ids'],
  ['an added token without flags', file('BPE', {}, { added_tokens: [{ id: 3, content: 'x' }] }), 'format'],
  ['an added token whose id is text', file('BPE', {}, { added_tokens: [added(3, 'x', { id: '3' })] }), 'format'],
  [
    'too many added tokens',
    file('BPE', {}, { added_tokens: Array.from({ length: 10_001 }, (_, index) => added(3 + index, `x${index}`)) }),
    'limit',
  ],
  ['too many tokens', file('BPE', { vocab: many(1_000_001), merges: [] }), 'limit'],
  ['too many merges', file('BPE', { merges: Array.from({ length: 2_000_001 }, () => 'a b') }), 'limit'],
  ['too many pieces', file('Unigram', { vocab: Array.from({ length: 1_000_001 }, () => 0) }), 'limit'],
  ['a merge of an unknown token', file('BPE', { merges: [['a', 'x']] }), 'merges'],
  ['a merge into an unknown token', file('BPE', { merges: [['b', 'a']] }), 'merges'],
  ['a merge of three tokens', file('BPE', { merges: ['a b a'] }), 'merges'],
  ['a merge of one token', file('BPE', { merges: ['ab'] }), 'merges'],
  ['a merge that is a number', file('BPE', { merges: [1] }), 'merges'],
  ['merges that are an object', file('BPE', { merges: {} }), 'format'],
  ['random merges', file('BPE', { dropout: 0.1 }), 'unsupported'],
  ['an unknown token that is a number', file('BPE', { unk_token: 1 }), 'format'],
  ['a WordPiece model without an unknown token', file('WordPiece', { unk_token: undefined }), 'format'],
  ['a WordPiece limit that is negative', file('WordPiece', { max_input_chars_per_word: -1 }), 'format'],
  ['a piece without a score', file('Unigram', { vocab: [['u']] }), 'format'],
  [
    'a piece that is listed twice',
    file('Unigram', {
      vocab: [
        ['u', 0],
        ['u', 0],
      ],
    }),
    'ids',
  ],
  ['an unknown piece outside of the list', file('Unigram', { unk_id: 2 }), 'ids'],
  ['a pattern of no kind', split({ Glob: '*' }), 'format'],
  ['a behaviour that there is not', section('pre_tokenizer', { type: 'Punctuation', behavior: 'Kept' }), 'format'],
  ['chunks of no length', section('pre_tokenizer', { type: 'FixedLength', length: 0 }), 'format'],
  [
    'a delimiter of two characters',
    section('pre_tokenizer', { type: 'CharDelimiterSplit', delimiter: 'ab' }),
    'format',
  ],
  [
    'a metaspace that contradicts itself',
    section('pre_tokenizer', {
      type: 'Metaspace',
      replacement: '_',
      add_prefix_space: false,
      prepend_scheme: 'always',
    }),
    'format',
  ],
  [
    'a character map that is no base64',
    section('normalizer', { type: 'Precompiled', precompiled_charsmap: '*' }),
    'format',
  ],
  [
    'a character map that is cut short',
    section('normalizer', { type: 'Precompiled', precompiled_charsmap: 'AAAAAQ==' }),
    'format',
  ],
  ['a template with an unknown token', template([{ SpecialToken: { id: 'x', type_id: 0 } }]), 'format'],
  ['a template for single texts with two texts', template([{ Sequence: { id: 'B', type_id: 0 } }]), 'format'],
  ['a template whose token has no ids', template([], { x: { id: 'x', ids: [0], tokens: [] } }), 'format'],
  [
    'a separator without id',
    section('post_processor', { type: 'BertProcessing', sep: ['a'], cls: ['b', 1] }),
    'format',
  ],
  ['truncation without a length', section('truncation', { strategy: 'LongestFirst', stride: 0 }), 'format'],
  [
    'padding of no known strategy',
    section('padding', { strategy: 'Most', direction: 'Left', pad_id: 0, pad_type_id: 0, pad_token: 'a' }),
    'format',
  ],
  ['an unfinished group', regex('(a'), 'regex'],
  ['an unfinished class', regex('[a'), 'regex'],
  ['a back reference', regex('(a)\\1'), 'regex'],
  ['recursion', regex('(?<x>a\\g<x>)'), 'regex'],
  ['a property that there is not', regex('\\p{Nothing}'), 'regex'],
  ['looking behind without bounds', regex('(?<=a+)b'), 'regex'],
  ['a huge repetition', regex('a{1,1000000}'), 'regex'],
  ['repetitions of repetitions', regex('((a{1,999}){1,999}){1,999}'), 'regex'],
  ['groups without end', regex('('.repeat(5000) + ')'.repeat(5000)), 'regex'],
];

describe('refused files', () => {
  test.each(refused)('%s', (_, json, code) => {
    const before = Object.getOwnPropertyNames(Object.prototype).length;
    const error = catchError(() => Tokenizer.fromJson(Object(json)));
    expect(TokenizerError.isInstance(error) && error.code).toBe(code);
    expect(Object.getOwnPropertyNames(Object.prototype).length).toBe(before);
  });

  test('text that is no JSON, and text that is too long', () => {
    expect(catchError(() => Tokenizer.fromJson('{'))).toMatchObject({ code: 'format' });
    expect(catchError(() => Tokenizer.fromJson(' '.repeat(64 * 1024 * 1024 + 1)))).toMatchObject({ code: 'limit' });
  });
});

test('the files that the refused ones were made from are read', () => {
  for (const kind of Object.keys(files)) expect(Tokenizer.fromJson(file(kind)).decode([0])).not.toBe('');
});

test('names of JavaScript are tokens like others', () => {
  const words = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '0', '1'];
  const vocab = JSON.parse(`{${words.map((word, id) => `${JSON.stringify(word)}:${id}`).join(',')}}`);
  const json = {
    ...file('WordLevel', { vocab, unk_token: '0' }),
    pre_tokenizer: { type: 'WhitespaceSplit' },
    decoder: null,
  };
  const tokenizer = Tokenizer.fromJson(JSON.stringify(json));
  expect([...tokenizer.encode(words.join(' ')).ids]).toEqual(words.map((_, id) => id));
  expect(tokenizer.decode(words.keys())).toBe(words.join(' '));
  expect(tokenizer.tokenToId('valueOf')).toBeUndefined();
});

test('a character that no token covers, without an unknown token, is an error of its own', () => {
  for (const kind of ['WordLevel', 'Unigram', 'WordPiece']) {
    const json = kind === 'Unigram' ? file(kind, { unk_id: null }) : file(kind, { unk_token: 'missing' });
    expect(catchError(() => Tokenizer.fromJson(json).encode('z'))).toMatchObject({ code: 'unknown-token' });
  }
});

test('the copied fixture has nothing that is refused', () => {
  expect(
    Tokenizer.fromJson(readFileSync(join(import.meta.dirname, 'fixtures/gpt2-bpe/tokenizer.json'), 'utf8')).vocabSize,
  ).toBe(700);
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
