import { attend, RandomStream } from '@formers/backend';
import { gather, slice, type Tensor, type Tensor4D, tensor, tidy } from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { packedLanguageModel, packExamples, packingMask } from '../src/index.ts';
import { first, problemOf, rowsOf, withoutLeaks } from './helpers.ts';

withoutLeaks();
const example = (length: number, from = 0): { ids: Int32Array } => ({
  ids: Int32Array.from({ length }, (_, i) => from + i),
});

describe('packExamples', () => {
  it('uses each text once, never too much in a row, and no more rows than first fit', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 60 }), (lengths) => {
        const examples = lengths.map((length, i) => example(length, 100 * i));
        const packs = packExamples(examples, { seqLen: 20 });
        expect(new Set(packs.flat())).toEqual(new Set(examples));
        expect(packs.flat().length).toBe(examples.length);
        const sums = packs.map((pack) => pack.reduce((sum, { ids }) => sum + ids.length, 0));
        expect(Math.max(...sums)).toBeLessThanOrEqual(20);
        const least = Math.ceil(lengths.reduce((sum, length) => sum + length, 0) / 20);
        expect(packs.length).toBeLessThanOrEqual(Math.ceil((11 / 9) * least + 1)); // best fit decreasing, Johnson 1973
      }),
    );
    expect(problemOf(() => packExamples([example(21)], { seqLen: 20 }))).toBe(
      'too-long: packExamples: example 0 has 21 tokens, a row only 20',
    );
  });
});

describe('packedLanguageModel', () => {
  it('begins positions anew, numbers the texts, and predicts nothing over their ends', () => {
    using batch = packedLanguageModel({ seqLen: 8, padId: 9 }).collate(
      [[example(3, 10), example(4, 20)], [example(2, 30)]],
      first(),
    );
    expect(rowsOf(batch.ids)).toEqual([
      [10, 11, 12, 20, 21, 22, 23, 9],
      [30, 31, 9, 9, 9, 9, 9, 9],
    ]);
    expect(rowsOf(batch.positionIds)).toEqual([
      [0, 1, 2, 0, 1, 2, 3, 0],
      [0, 1, 0, 0, 0, 0, 0, 0],
    ]);
    expect(rowsOf(batch.segmentIds)).toEqual([
      [1, 1, 1, 2, 2, 2, 2, 0],
      [1, 1, 0, 0, 0, 0, 0, 0],
    ]);
    expect(rowsOf(batch.targets)).toEqual([
      [11, 12, -100, 21, 22, 23, -100, -100],
      [31, -100, -100, -100, -100, -100, -100, -100],
    ]);
    expect(batch.tokens).toBe(6);
  });
});

describe('packingMask', () => {
  it.each([true, false])('makes packed texts attend as they would alone, causal: %s', (causal) => {
    const lengths = [3, 4];
    const [heads, headDim, seq] = [2, 4, 8];
    const random = new RandomStream(1, 'test');
    const values = (): Tensor4D =>
      tensor(
        Float32Array.from({ length: heads * seq * headDim }, () => random.normal()),
        [1, heads, seq, headDim],
      );
    using batch = packedLanguageModel({ seqLen: seq }).collate([lengths.map((length) => example(length))], first());
    const { packed, alone, padding } = tidy(() => {
      const [q, k, v] = [values(), values(), values()];
      const whole = attend(q, k, v, { mask: packingMask(batch.segmentIds, { causal }) });
      const part = (x: Tensor, from: number, length: number): Tensor4D =>
        slice(x, [0, 0, from, 0], [1, heads, length, headDim]) as Tensor4D;
      let from = 0;
      const parts = lengths.map((length) => {
        const own = attend(part(q, from, length), part(k, from, length), part(v, from, length), { causal });
        from += length;
        return [...own.dataSync()];
      });
      let at = 0;
      const packedParts = lengths.map((length) => [...part(whole, (at += length) - length, length).dataSync()]);
      return { packed: packedParts, alone: parts, padding: [...gather(whole, [7], 2).dataSync()] };
    });
    for (const [i, row] of packed.entries())
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(alone[i]?.[j] ?? Number.NaN, 5);
    expect(padding.every((value) => value === 0)).toBe(true);
  });
});
