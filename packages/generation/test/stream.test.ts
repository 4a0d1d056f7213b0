import { Tokenizer } from '@formers/tokenizers';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { generate, GenerationError, streamText, streamTexts, streamTokens } from '../src/index.ts';
import { wordBuffer } from '../src/word-buffer.ts';
import { useEngineAndCheckLeaks } from './support/leak-check.ts';
import { hashModel, tableModel, toyTokenizer } from './support/toy-models.ts';

useEngineAndCheckLeaks();

const words = ['The ', 'sea ', 'is ', 'blue', '. ', 'And ', 'deep', ', ', 'is', 'so ', '<end>'];

describe('streamTokens', () => {
  it('gives what generate gives, row by row of each step', async () => {
    const options = { doSample: true, seed: 3, maxNewTokens: 9, eosTokenId: [4, 5] };
    const wanted = await generate(hashModel(), [[1, 2], [3]], options);
    const events = await collect(streamTokens(hashModel(), [[1, 2], [3]], options));
    for (const row of [0, 1]) {
      const own = events.filter((event) => event.row === row);
      expect(own.map(({ id }) => id)).toEqual(wanted.newTokens[row]);
      expect(own.map(({ score }) => score)).toEqual(wanted.scores[row]);
      expect(own.map(({ stopReason }) => stopReason).filter(Boolean)).toEqual([wanted.stopReasons[row]]);
    }
    expect(events.slice(0, 4).map(({ row }) => row)).toEqual([0, 1, 0, 1]);
  });

  it('computes only what is asked for, and frees its cache on break', async () => {
    const model = hashModel();
    const before = memory().numTensors;
    let count = 0;
    for await (const _ of streamTokens(model, [1], { maxNewTokens: 100 })) if (++count === 3) break;
    expect(model.calls).toHaveLength(3);
    expect(memory().numTensors).toBe(before);
  });

  it('refuses at once, without being read', () => {
    expect(() => streamTokens(hashModel(), [], {})).toThrow(GenerationError);
    expect(() => streamTokens(hashModel(), [1], { numBeams: 2 })).toThrow("beam search can't be streamed");
  });
});

describe('streamText', () => {
  it('gives the text of what generate gives', async () => {
    const tokenizer = toyTokenizer(words);
    const { ids } = tokenizer.encode('The sea ');
    const { newTokens } = await generate(hashModel(), ids, { maxNewTokens: 12 });
    const pieces = await collect(streamText(hashModel(), tokenizer, 'The sea ', { maxNewTokens: 12 }));
    expect(pieces).toEqual(newTokens[0]!.map((id) => words[id]));
  });

  it('ends before the end token, which the tokenizer knows', async () => {
    const next = (id: number): number[] => words.map((_, i) => (i === id ? 1 : 0));
    const model = tableModel(words.map((_, id) => next(id === 3 ? 10 : id + 1)));
    const pieces = await collect(
      streamText(model, toyTokenizer(words, { eosTokenId: 10 }), 'The ', { maxNewTokens: 12 }),
    );
    expect(pieces).toEqual(['sea ', 'is ', 'blue']);
    Object.assign(model, { generationConfig: { eosTokenId: 3 } }); // the model knows better
    const shorter = await collect(
      streamText(model, toyTokenizer(words, { eosTokenId: 10 }), 'The ', { maxNewTokens: 12 }),
    );
    expect(shorter).toEqual(['sea ', 'is ']);
  });

  it('stops at strings without being told the tokenizer twice', async () => {
    const model = tableModel(words.map((_, id) => words.map((_, i) => (i === (id + 1) % 10 ? 1 : 0))));
    const pieces = await collect(streamText(model, toyTokenizer(words), 'The ', { stopStrings: 'blue.' }));
    expect(pieces.join('')).toBe('sea is blue. ');
  });

  it('gives whole words if asked', async () => {
    const tokenizer = toyTokenizer(words);
    const options = { maxNewTokens: 12, doSample: true, seed: 2 };
    const tokens = await collect(streamText(hashModel(), tokenizer, 'The ', options));
    const pieces = await collect(streamText(hashModel(), tokenizer, 'The ', { ...options, by: 'word' }));
    expect(pieces.join('')).toBe(tokens.join(''));
    expect(pieces).not.toEqual(tokens);
    for (const piece of pieces.slice(0, -1)) expect(piece).toMatch(/\s$/);
  });

  it('gives whole characters', async () => {
    // Bytes from 0xa1 on stand for themselves in byte-level vocabularies.
    const [first = 0, second = 0] = new TextEncoder().encode('é');
    const vocab = { a: 0, [String.fromCodePoint(first)]: 1, [String.fromCodePoint(second)]: 2 };
    const tokenizer = Tokenizer.fromJson({
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [],
      normalizer: null,
      post_processor: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab,
        merges: [],
      },
    });
    const model = tableModel([
      [0, 1, 0],
      [0, 0, 1],
      [0, 1, 0],
    ]);
    expect(await collect(streamText(model, tokenizer, 'a', { maxNewTokens: 4 }))).toEqual(['é', 'é']);
    expect(await collect(streamText(model, tokenizer, 'a', { maxNewTokens: 3 }))).toEqual(['é', '\ufffd']);
  });

  it('ends with what is there when the signal comes', async () => {
    const controller = new AbortController();
    const pieces: string[] = [];
    for await (const piece of streamText(hashModel(), toyTokenizer(words), 'The ', {
      signal: controller.signal,
      by: 'word',
    })) {
      pieces.push(piece);
      controller.abort();
    }
    expect(pieces.length).toBeGreaterThan(0);
    expect(pieces.length).toBeLessThan(4);
  });

  it('refuses an empty prompt at once', () => {
    expect(() => streamText(hashModel(), toyTokenizer(words), '')).toThrow('prompt 0 must have at least one token');
  });
});

describe('streamTexts', () => {
  it('gives each prompt the text that it gets alone', async () => {
    const tokenizer = toyTokenizer(words);
    const prompts = ['The ', 'sea is deep', 'And '];
    const options = { maxNewTokens: 8, by: 'word' as const };
    const pieces = await collect(streamTexts(hashModel(), tokenizer, prompts, options));
    for (const [row, prompt] of prompts.entries()) {
      const alone = await collect(streamText(hashModel(), tokenizer, prompt, options));
      expect(pieces.filter((piece) => piece.row === row).map(({ text }) => text)).toEqual(alone);
    }
  });
});

describe('wordBuffer', () => {
  it('takes Chinese characters as words', () => {
    const buffer = wordBuffer({ push: (id) => ['我', '们sa', 'y', ' no\nw', 'x'][id]!, end: () => '!' });
    expect([0, 1, 2, 3, 4].map((id) => buffer.push(id))).toEqual(['我', '们', '', 'say no\n', '']);
    expect(buffer.end()).toBe('wx!');
  });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
