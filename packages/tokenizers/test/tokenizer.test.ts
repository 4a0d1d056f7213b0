import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type EncodeOptions,
  Tokenizer,
  TokenizerError,
  trainBpe,
  trainCharacters,
  trainUnigram,
  trainWordPiece,
} from '../src/index.ts';
import { corpus } from './helpers/fixtures.ts';

const bert = (config: object = { pad_token: '[PAD]', model_max_length: 12 }): Tokenizer =>
  Tokenizer.fromJson(
    readFileSync(join(import.meta.dirname, 'fixtures/wordpiece-uncased/tokenizer.json'), 'utf8'),
    config,
  );

describe('characters', () => {
  test('ids are the order of code points, from 0', () => {
    const tokenizer = trainCharacters('hello\n😀');
    expect(tokenizer.vocabSize).toBe(6);
    expect(['\n', 'e', 'h', 'l', 'o', '😀'].map((char) => tokenizer.tokenToId(char))).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...tokenizer.encodeIds('hole😀')]).toEqual([2, 4, 3, 1, 5]);
    expect(tokenizer.decode([2, 4, 3, 1, 5])).toBe('hole😀');
  });

  test('an unknown character is an error, or the unknown token where one is named', () => {
    expect(() => trainCharacters('ab').encode('abc')).toThrowError(expect.objectContaining({ code: 'unknown-token' }));
    const tokenizer = trainCharacters('ab', { unkToken: '<unk>', eosToken: '<eos>' });
    expect(tokenizer.vocabSize).toBe(4);
    expect([...tokenizer.encodeIds('acb<eos>')]).toEqual([0, tokenizer.unkTokenId, 1, tokenizer.eosTokenId]);
    expect(tokenizer.decode([0, 3, 1], { skipSpecialTokens: true })).toBe('ab');
  });
});

describe('added tokens', () => {
  const words = (added: object[], normalizer: object): Tokenizer => {
    const plain = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: false };
    return Tokenizer.fromJson({
      version: '1.0',
      added_tokens: added.map((token, i) => ({ ...plain, id: 3 + i, ...token })),
      normalizer,
      model: { type: 'WordLevel', vocab: { '<unk>': 0, a: 1, b: 2 }, unk_token: '<unk>' },
    });
  };

  // by tokenizers 0.23.3
  test('a normalized token has one name in texts, another in the vocabulary', () => {
    const tokenizer = words([{ content: 'AB' }], { type: 'Lowercase' });
    expect(tokenizer.encode('aBa').tokens).toEqual(['ab', 'a']);
    expect([tokenizer.tokenToId('AB'), tokenizer.tokenToId('ab')]).toEqual([3, undefined]);
    expect(tokenizer.idToToken(3)).toBe('ab');
    expect(tokenizer.decode([3, 1])).toBe('ab a');
  });

  test('a token of which normalization leaves nothing is never found, and decodes to nothing', () => {
    // tokenizers 0.23.3 finds it between any two bytes, and panics inside of characters.
    const tokenizer = words([{ content: '\u0301' }, { content: 'ab' }], { type: 'StripAccents' });
    expect([...tokenizer.encode('ab').ids]).toEqual([4]);
    expect([...tokenizer.encode('a\u0301b').ids]).toEqual([4]);
    expect([...tokenizer.encode('\u0301').ids]).toEqual([]);
    expect([...tokenizer.encode('😀ab').ids]).toEqual([0, 4]);
    expect(tokenizer.decode([3, 1])).toBe(' a');
  });

  // by tokenizers 0.23.3: AddedToken('  ', lstrip=True, rstrip=True) of a WordLevel model
  test('what a token took along as white space is no token again', () => {
    const spaces = { id: 3, content: '  ', single_word: false, lstrip: true, rstrip: true, normalized: false };
    const tokenizer = Tokenizer.fromJson({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [{ ...spaces, special: false }],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: 'WordLevel', vocab: { '<unk>': 0, a: 1, b: 2 }, unk_token: '<unk>' },
    });
    const { ids, tokens, offsets } = tokenizer.encode('a      b');
    expect([...ids]).toEqual([1, 3, 2]);
    expect(tokens).toEqual(['a', '      ', 'b']);
    expect(offsets.map((place) => [...place])).toEqual([
      [0, 1],
      [1, 7],
      [7, 8],
    ]);
  });
});

describe('options of encode', () => {
  test('pairs, types and sequences', () => {
    const encoding = bert().encode('the citizen', { pair: 'The kin' });
    expect(encoding.tokens.join(' ')).toBe('[CLS] the citizen [SEP] the k ##in [SEP]');
    expect([...encoding.typeIds]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(encoding.sequenceIds).toEqual([null, 0, 0, null, 1, 1, 1, null]);
    expect(encoding.wordIds).toEqual([null, 0, 1, null, 0, 1, 1, null]);
    expect([...encoding.specialTokensMask]).toEqual([1, 0, 0, 1, 0, 0, 0, 1]);
    expect(encoding.offsets).toEqual([
      [0, 0],
      [0, 3],
      [4, 11],
      [0, 0],
      [0, 3],
      [4, 5],
      [5, 7],
      [0, 0],
    ]);
  });

  test('truncation to model_max_length, to maxLength, from the left', () => {
    const text = 'the citizen will learn what every citizen than have the loss';
    expect(bert().encode(text).length).toBe(13);
    expect(bert().encode(text, { truncation: true }).length).toBe(12);
    const right = bert().encode(text, { maxLength: 6, stride: 1 });
    expect(right.tokens).toEqual(['[CLS]', 'the', 'citizen', 'will', 'learn', '[SEP]']);
    expect(right.overflowing[0]?.tokens.slice(0, 3)).toEqual(['[CLS]', 'learn', 'what']);
    expect(bert().encode(text, { maxLength: 5, truncationSide: 'left' }).tokens.at(-2)).toBe('loss');
    expect(bert().encode(text, { maxLength: 5, truncation: false }).length).toBe(13);
  });

  test('truncation to no token of the text, and to fewer than the special tokens: the whole text then', () => {
    // As tokenizers 0.23.3 and AutoTokenizer of transformers 5.23 do.
    const tokens = (maxLength: number, options: EncodeOptions = {}): string =>
      bert()
        .encode('the citizen', { maxLength, ...options })
        .tokens.join(' ');
    const pair = 'will learn';
    expect(tokens(3)).toBe('[CLS] the [SEP]');
    expect(tokens(2)).toBe('[CLS] [SEP]');
    for (const maxLength of [1, 0]) expect(tokens(maxLength)).toBe('[CLS] the citizen [SEP]');
    expect(tokens(0, { addSpecialTokens: false })).toBe('');
    expect(tokens(4, { pair })).toBe('[CLS] [SEP] will [SEP]');
    expect(tokens(3, { pair })).toBe('[CLS] [SEP] [SEP]');
    for (const maxLength of [2, 1, 0])
      expect(tokens(maxLength, { pair })).toBe('[CLS] the citizen [SEP] will learn [SEP]');
    expect(tokens(1, { truncation: 'only_second', stride: 3 })).toBe('[CLS] the citizen [SEP]');
  });

  test('padding to the longest, to maxLength, to a number, to multiples, on the left', () => {
    const lengths = (options: object): number[] =>
      bert()
        .encodeBatch(['the', 'the citizen'], options)
        .map((encoding) => encoding.length);
    expect(lengths({ padding: true })).toEqual([4, 4]);
    expect(lengths({ padding: 'max_length', maxLength: 9 })).toEqual([9, 9]);
    expect(lengths({ padding: 'max_length' })).toEqual([12, 12]);
    expect(lengths({ padding: 7 })).toEqual([7, 7]);
    expect(lengths({ padding: 'longest', padToMultipleOf: 8 })).toEqual([8, 8]);
    const [padded] = bert().encodeBatch(['the'], { padding: 5, paddingSide: 'left' });
    expect(padded?.tokens).toEqual(['[PAD]', '[PAD]', '[CLS]', 'the', '[SEP]']);
    expect([...(padded?.attentionMask ?? [])]).toEqual([0, 0, 1, 1, 1]);
  });

  test('what can not be done is refused', () => {
    const code = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return TokenizerError.isInstance(error) ? error.code : error;
      }
    };
    expect(code(() => bert({}).encode('a', { truncation: true }))).toBe('argument');
    expect(code(() => bert({}).encode('a', { padding: true }))).toBe('argument');
    expect(code(() => bert().encode('a', { maxLength: -1 }))).toBe('argument');
    expect(code(() => bert().encode('a b c d e f', { maxLength: 4, stride: 2 }))).toBe('argument');
    expect(code(() => bert().encode('the the the', { maxLength: 4, truncation: 'only_second' }))).toBe('truncation');
    expect(code(() => trainBpe(['a'], { vocabSize: 0 }))).toBe('argument');
    expect(code(() => trainUnigram(['abc'], { vocabSize: 5 }))).toBe('argument');
    expect(code(() => trainWordPiece(['abc'], { vocabSize: 50, specialTokens: ['x'] }))).toBe('argument');
  });
});

describe('decoding', () => {
  test('special tokens, unknown ids, clean-up', () => {
    const ids = [...bert().encode('the citizen').ids, 99_999];
    expect(bert().decode(ids)).toBe('[CLS] the citizen [SEP]');
    expect(bert().decode(ids, { skipSpecialTokens: true })).toBe('the citizen');
    const words = trainCharacters('a ,b');
    expect(words.decode(words.encodeIds('a , b'), { cleanUpTokenizationSpaces: true })).toBe('a, b');
  });

  test('a stream waits for whole characters, and gives up on broken ones', () => {
    const tokenizer = trainBpe([], { vocabSize: 257 });
    const ids = [...tokenizer.encodeIds('a😀é')];
    const stream = tokenizer.decodeStream();
    expect(ids.map((id) => stream.push(id))).toEqual(['a', '', '', '', '😀', '', 'é']);
    const half = ids[1] ?? 0;
    expect(stream.push(half)).toBe('');
    expect(stream.end()).toBe('\ufffd');
    expect([half, half, half, half, half, half, half].map((id) => stream.push(id)).join('').length).toBeGreaterThan(4);
  });
});

describe('folders', () => {
  test('what is saved opens again and is the same', async () => {
    for (const tokenizer of [
      trainBpe(corpus, { vocabSize: 300, modelMaxLength: 64 }),
      trainWordPiece(corpus, { vocabSize: 300 }),
      trainUnigram(corpus, { vocabSize: 700 }),
    ]) {
      const files = new Map<string, Uint8Array>();
      await tokenizer.savePretrained(files);
      expect([...files.keys()].sort()).toEqual(['tokenizer.json', 'tokenizer_config.json']);
      const opened = await Tokenizer.fromPretrained(files);
      expect(opened.toJson()).toEqual(JSON.parse(JSON.stringify(tokenizer.toJson())));
      expect(opened.config.toJson()).toMatchObject({ tokenizer_class: 'PreTrainedTokenizerFast' });
      expect(opened.config.modelMaxLength).toBe(tokenizer.config.modelMaxLength);
      expect([opened.eosTokenId, opened.unkTokenId, opened.padTokenId]).toEqual([
        tokenizer.eosTokenId,
        tokenizer.unkTokenId,
        tokenizer.padTokenId,
      ]);
      expect([...opened.encode('The people speak.').ids]).toEqual([...tokenizer.encode('The people speak.').ids]);
    }
  });

  test('special_tokens_map.json names special tokens, tokenizer_config.json goes first', async () => {
    const text = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
    const files = new Map([
      ['tokenizer.json', text(bert().toJson())],
      ['special_tokens_map.json', text({ pad_token: { content: '[PAD]' }, mask_token: '[CLS]' })],
      ['tokenizer_config.json', text({ mask_token: '[MASK]', model_max_length: 1e30, made_by: 'someone' })],
    ]);
    const tokenizer = await Tokenizer.fromPretrained(files);
    expect([tokenizer.padTokenId, tokenizer.maskTokenId, tokenizer.clsTokenId]).toEqual([0, 4, undefined]);
    expect(tokenizer.config.modelMaxLength).toBeUndefined();
    expect(tokenizer.config.toJson()).toMatchObject({ made_by: 'someone' });
    expect(tokenizer.specialTokenIds).toEqual([0, 1, 2, 3, 4]);
  });

  test('chat templates: one, several by name, or a file of their own, which wins', async () => {
    const json = trainCharacters('ab').toJson();
    const one = Tokenizer.fromJson(json, { chat_template: '{{ messages }}' });
    expect(one.config.chatTemplate).toBe('{{ messages }}');
    expect(one.config.toJson()).toMatchObject({ chat_template: '{{ messages }}' });
    const entries = ['default', 'tool_use'].map((name) => ({ name, template: `of ${name}` }));
    const several = Tokenizer.fromJson(json, { chat_template: entries });
    expect(several.config.chatTemplate).toBe('of default');
    expect(several.config.chatTemplates.get('tool_use')).toBe('of tool_use');
    expect(Tokenizer.fromJson(json).config.chatTemplate).toBeUndefined();
    expect(() => Tokenizer.fromJson(json, { chat_template: 3 })).toThrow('chat_template');

    const files = new Map<string, Uint8Array>();
    await one.savePretrained(files);
    expect((await Tokenizer.fromPretrained(files)).config.chatTemplate).toBe('{{ messages }}');
    files.set('chat_template.jinja', new TextEncoder().encode('of the file'));
    expect((await Tokenizer.fromPretrained(files)).config.chatTemplate).toBe('of the file');
  });

  test('a folder without tokenizer.json is an error of the checkpoints package', async () => {
    await expect(Tokenizer.fromPretrained(new Map())).rejects.toMatchObject({ code: 'missing-file' });
  });
});

test('a long text of one character is encoded and decoded like any other', () => {
  const bytes = trainBpe(corpus, { vocabSize: 300 });
  for (const char of [' ', '\n', 'a', '😀', '\u0301', 'ש', '\ud800']) {
    const text = char.repeat(50_000);
    const { ids, bounds } = bytes.encode(text);
    expect(bytes.decode(ids)).toBe(text.toWellFormed());
    expect([bounds[0], bounds.at(-1)]).toEqual([0, text.length]);
    expect(bert().encode(text, { addSpecialTokens: false }).length).toBeLessThanOrEqual(text.length);
  }
});
