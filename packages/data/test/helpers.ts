import { cpu, useBackend } from '@formers/backend';
import { type Tokenizer, trainBpe, trainUnigram, trainWordPiece } from '@formers/tokenizers';
import { memory, type Tensor } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect } from 'vitest';

import { DataError, Draws } from '../src/index.ts';

const text = `The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore. Peter Piper picked a peck of pickled peppers.
A journey of a thousand miles begins with a single step. Unhappiness, uncomfortable and unbelievable are unusual words.`;

/** BERT's kind, with words of several pieces. */
export const wordPiece: Tokenizer = trainWordPiece([text], { vocabSize: 120, minFrequency: 1 });

/** T5's kind, with sentinels whose ids descend. */
export const unigram: Tokenizer = trainUnigram([text], {
  vocabSize: 120,
  specialTokens: ['<pad>', '</s>', '<unk>', ...Array.from({ length: 20 }, (_, i) => `<extra_id_${19 - i}>`)],
  padToken: '<pad>',
  eosToken: '</s>',
  unkToken: '<unk>',
});

/** RoBERTa's and BART's kind. */
export const bytes: Tokenizer = trainBpe([text], {
  vocabSize: 350,
  specialTokens: ['<s>', '<pad>', '</s>', '<unk>', '<mask>'],
  bosToken: '<s>',
  clsToken: '<s>',
  eosToken: '</s>',
  sepToken: '</s>',
  padToken: '<pad>',
  unkToken: '<unk>',
  maskToken: '<mask>',
  initialAlphabet: 'bytes',
  pipeline: {
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
    post_processor: {
      type: 'RobertaProcessing',
      sep: ['</s>', 2],
      cls: ['<s>', 0],
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
  },
});

export const first = (seed = 0, step = 0): Draws => new Draws({ seed, step, first: 0 });

/** The code of the DataError that is thrown, and its message. */
export function problemOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (DataError.isInstance(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'none';
}

export function rowsOf(tensor: Tensor): number[][] {
  return tensor.arraySync() as number[][];
}

/** Pearson's statistic of counts against what was expected of them. */
export function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, count, i) => sum + (count - (expected[i] ?? 0)) ** 2 / (expected[i] ?? 1), 0);
}

/** Above it the statistic comes once in a thousand (Wilson and Hilferty 1931). */
export function chiSquareLimit(freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + 3.0902 * Math.sqrt(spread)) ** 3;
}

/** Call it in a file: an engine before its tests, and no tensor left behind after them. */
export function withoutLeaks(): void {
  let before = 0;
  beforeAll(async () => {
    await useBackend(cpu());
    before = memory().numTensors;
  });
  afterAll(() => expect(memory().numTensors).toBe(before));
}
