import { describe, expect, test } from 'vitest';

import { batchesOf, type Pair, readDictionary, Symbols } from '../src/cmudict.ts';
import { editDistance } from '../src/edit-distance.ts';

describe('symbols', () => {
  test('are ids after the special ones, in order, and back', () => {
    const symbols = new Symbols(['B', 'A', 'B']);
    expect(symbols.size).toBe(5);
    expect(symbols.encode('BAB')).toEqual([4, 3, 4]);
    expect(symbols.decode([3, 4])).toEqual(['A', 'B']);
  });
});

describe('the dictionary', () => {
  const dictionary = readDictionary({ seed: 1 });

  test('has a 20th of its words held out, whole ones', () => {
    const { train, heldOut, phonemes } = dictionary;
    expect(phonemes.size).toBe(3 + 39);
    expect(train.length + heldOut.length).toBe(123_874);
    expect(heldOut.length / (train.length + heldOut.length)).toBeCloseTo(0.05, 4);
    const known = new Set(train.map(({ word }) => word));
    expect(heldOut.some(({ word }) => known.has(word))).toBe(false);
  });

  test('knows several pronunciations of a word, without stress', () => {
    const { phonemes, train, heldOut } = dictionary;
    const entry = [...train, ...heldOut].find(({ word }) => word === 'TOMATO');
    expect(entry?.pronunciations.map((one) => phonemes.decode(one).join(' '))).toEqual([
      'T AH M EY T OW',
      'T AH M AA T OW',
    ]);
  });

  test('other words are held out with another seed', () => {
    const words = (seed: number): string[] => readDictionary({ seed }).heldOut.map(({ word }) => word);
    expect(words(1)).toEqual(dictionary.heldOut.map(({ word }) => word));
    expect(words(2)).not.toEqual(words(1));
  });
});

test('batches have every pair once, words of one length, and an order for each epoch', () => {
  const pairs = Array.from({ length: 50 }, (_, i): Pair => ({
    letters: new Array<number>(1 + (i % 3)).fill(i),
    phonemes: [i],
  }));
  const epoch = (number: number): Pair[][] => batchesOf(pairs, { batchSize: 4, seed: 1, epoch: number });
  for (const batch of epoch(0)) {
    expect(batch.length).toBeLessThanOrEqual(4);
    expect(new Set(batch.map(({ letters }) => letters.length)).size).toBe(1);
  }
  expect(new Set(epoch(0).flat()).size).toBe(50);
  expect(epoch(0).flat()).toHaveLength(50);
  expect(epoch(0)).toEqual(epoch(0));
  expect(epoch(0)).not.toEqual(epoch(1));
});

test.each([
  ['', '', 0],
  ['abc', '', 3],
  ['', 'ab', 2],
  ['kitten', 'sitting', 3],
  ['abcdef', 'azced', 3],
  ['flaw', 'lawn', 2],
])('from "%s" to "%s" there are %i changes', (from, to, distance) => {
  expect(editDistance([...from], [...to])).toBe(distance);
});
