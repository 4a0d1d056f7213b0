import { describe, expect, it } from 'vitest';

import type { OptionSpecs } from '../src/index.ts';
import { plainWords } from '../src/plain-words.ts';

const SPECS = {
  dim: { kind: 'whole', help: 'width' },
  numHeads: { kind: 'whole', help: 'heads' },
  tooLong: { kind: 'text', help: 'what becomes of long texts' },
  inputs: { kind: 'words', help: 'texts' },
} as const satisfies OptionSpecs;

const told = (message: string): string => plainWords(message, { command: 'run', specs: SPECS });

describe('plainWords', () => {
  it.each([
    [
      'GPTConfig: dim must be divisible by numHeads, got 10 and 3',
      '--dim must be divisible by --num-heads, got 10 and 3',
    ],
    ['readTexts: no such file: a.txt', 'no such file: a.txt'],
    ['ImageFolder.open: no folder a', 'no folder a'],
    ['run: inputs must be texts', 'inputs must be texts'],
    ["a.csv, row 1: 9 tokens; tooLong: 'cut' drops the rest", 'a.csv, row 1: 9 tokens; --too-long cut drops the rest'],
    ["w: weights must be finite; pass nonFinite: 'accept' to load them", 'w: weights must be finite'],
    ['seqLen must be a whole number', 'seqLen must be a whole number'],
    ['formers-simd: out of memory', 'formers-simd: out of memory'],
    ['tokenizer.json: not JSON', 'tokenizer.json: not JSON'],
    ['column "numHeads" of my/numHeads/file.csv', 'column "numHeads" of my/numHeads/file.csv'],
  ])('%s', (message, expected) => expect(told(message)).toBe(expected));

  it('keeps a name that the user typed', () => {
    const { argv } = process;
    process.argv = [...argv.slice(0, 2), '--model', 'MyModel'];
    try {
      expect(told('MyModel: has no file "config.json"')).toBe('MyModel: has no file "config.json"');
    } finally {
      process.argv = argv;
    }
  });
});
