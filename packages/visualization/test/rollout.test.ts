import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type AttentionMaps, attentionOf, attentionRollout, fuseHeads, mixedLayers, rolloutOf } from '../src/index.ts';

/** Two layers of two heads over two tokens, by hand. */
const small: AttentionMaps = {
  values: [
    [0.2, 0.8, 0.6, 0.4],
    [0.4, 0.6, 0.2, 0.8],
    [1, 0, 0.5, 0.5],
    [0.5, 0.5, 0, 1],
  ].flat(),
  numLayers: 2,
  numHeads: 2,
  numTokens: 2,
};

/** Attention as a softmax gives it: random, rows with a sum of 1. */
const someMaps = fc
  .record({
    numLayers: fc.integer({ min: 1, max: 4 }),
    numHeads: fc.integer({ min: 1, max: 4 }),
    numTokens: fc.integer({ min: 2, max: 7 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ seed, ...shape }): AttentionMaps => {
    let state = seed;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const rows = Array.from({ length: shape.numLayers * shape.numHeads * shape.numTokens }, () => {
      const row = Array.from({ length: shape.numTokens }, random);
      const sum = row.reduce((total, value) => total + value, 0);
      return row.map((value) => value / sum);
    });
    return { ...shape, values: Float32Array.from(rows.flat()) };
  });

type Matrix = number[][];

/** Rollout as the paper writes it, by matrix products in the order of the layers; a second way to the same numbers. */
function reference({ values, numLayers, numHeads, numTokens: n }: AttentionMaps, discard: number): Matrix {
  const indices = [...Array(n).keys()];
  let rollout: Matrix = indices.map((i) => indices.map((j) => (i === j ? 1 : 0)));
  for (let layer = 0; layer < numLayers; layer++) {
    const at = (head: number, i: number, j: number): number => values[((layer * numHeads + head) * n + i) * n + j] ?? 0;
    let map: Matrix = indices.map((i) =>
      indices.map((j) => [...Array(numHeads).keys()].reduce((sum, head) => sum + at(head, i, j), 0) / numHeads),
    );
    const order = indices.flatMap((i) => indices.map((j) => ({ i, j, value: map[i]?.[j] ?? 0 })));
    const least = order.toSorted((a, b) => a.value - b.value).slice(0, Math.floor(discard * n * n));
    const isLeast = new Set(least.map(({ i, j }) => i * n + j));
    map = map.map((row, i) => row.map((value, j) => (isLeast.has(i * n + j) ? 0 : value)));
    map = map.map((row, i) => row.map((value, j) => 0.5 * value + (i === j ? 0.5 : 0)));
    map = map.map((row) => row.map((value) => value / row.reduce((sum, other) => sum + other, 0)));
    rollout = map.map((row) =>
      indices.map((j) => row.reduce((sum, value, k) => sum + value * (rollout[k]?.[j] ?? 0), 0)),
    );
  }
  return rollout;
}

describe('attentionOf', () => {
  it('gives the row of a token in a head, or in all heads', () => {
    expect([...attentionOf(small, { layer: 0, head: 1, token: 0 })]).toEqual([0.4, 0.6]);
    expect([...attentionOf(small, { layer: 1, head: 0, token: 1 })]).toEqual([0.5, 0.5]);
    expect([...attentionOf(small, { layer: 0, head: 'max', token: 1 })]).toEqual([0.6, 0.8]);
    expect([...attentionOf(small, { layer: 0, head: 'min', token: 1 })]).toEqual([0.2, 0.4]);
    expect([...attentionOf(small, { layer: 1, head: 'mean', token: 0 })]).toEqual([0.75, 0.25]);
  });

  it.each([
    [{ layer: 2, head: 0, token: 0 }, /layer must be a whole number from 0 to 1, got 2/],
    [{ layer: 0, head: 2, token: 0 }, /head must be a whole number from 0 to 1, got 2/],
    [{ layer: 0, head: 0, token: -1 }, /token must be a whole number from 0 to 1, got -1/],
  ])('refuses %j', (choice, message) => {
    expect(() => attentionOf(small, choice)).toThrow(message);
  });

  it('refuses values that do not fill their shape', () => {
    const cut = { ...small, values: [1, 0] };
    expect(() => attentionOf(cut, { layer: 0, head: 0, token: 0 })).toThrow(/\[2, 2, 2, 2\].*16 numbers, got 2/);
  });
});

describe('fuseHeads', () => {
  it('is the mean, the largest or the least of the heads', () => {
    const values = (fusion: 'mean' | 'max' | 'min'): number[] => [...fuseHeads(small, { layer: 0, fusion })];
    expect(values('mean')).toEqual([0.3, 0.7, 0.4, 0.6].map((value) => expect.closeTo(value, 12)));
    expect(values('max')).toEqual([0.4, 0.8, 0.6, 0.8]);
    expect(values('min')).toEqual([0.2, 0.6, 0.2, 0.4]);
  });
});

describe('attentionRollout', () => {
  it('is the product by hand', () => {
    // Layer 1: mean [[.3, .7], [.4, .6]], with the residual [[.65, .35], [.2, .8]]. Layer 2: mean [[.75, .25], [.25, .75]], [[.875, .125], [.125, .875]].
    const wanted = [
      0.875 * 0.65 + 0.125 * 0.2,
      0.875 * 0.35 + 0.125 * 0.8,
      0.125 * 0.65 + 0.875 * 0.2,
      0.125 * 0.35 + 0.875 * 0.8,
    ];
    expect([...attentionRollout(small)]).toEqual(wanted.map((value) => expect.closeTo(value, 14)));
  });

  it('agrees with matrix products in float64, with any share discarded', () => {
    fc.assert(
      fc.property(someMaps, fc.constantFrom(0, 0.1, 0.5, 0.9), (maps, discard) => {
        const rollout = attentionRollout(maps, { discard });
        const wanted = reference(maps, discard).flat();
        wanted.forEach((value, i) => expect(Math.abs(value - (rollout[i] ?? Number.NaN))).toBeLessThan(1e-12));
      }),
      { numRuns: 60 },
    );
  });

  it('has rows with a sum of 1, and the row of a token is rolloutOf', () => {
    fc.assert(
      fc.property(someMaps, fc.constantFrom('mean' as const, 'max' as const, 'min' as const), (maps, fusion) => {
        const { numTokens } = maps;
        const rollout = attentionRollout(maps, { fusion });
        const layers = mixedLayers(maps, { fusion });
        for (let token = 0; token < numTokens; token++) {
          const row = rollout.subarray(token * numTokens, (token + 1) * numTokens);
          expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
          expect(rolloutOf(layers, token)).toEqual(row);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('discards as many as told, also among equal values', () => {
    const even: AttentionMaps = { values: [0.5, 0.5, 0.5, 0.5], numLayers: 1, numHeads: 1, numTokens: 2 };
    const [map = new Float64Array()] = mixedLayers(even, { discard: 0.5 });
    expect([...map]).toEqual([1, 0, 0.25, 0.75].map((value) => expect.closeTo(value, 14))); // the first two went
  });

  it('is the identity where the residual is all', () => {
    expect([...attentionRollout(small, { residual: 1 })]).toEqual([1, 0, 0, 1]);
  });

  it.each([
    [{ discard: 1 }, /discard must be from 0 and below 1, got 1/],
    [{ discard: Number.NaN }, /discard .* got NaN/],
    [{ residual: -0.1 }, /residual must be from 0 to 1, got -0.1/],
  ])('refuses %j', (options, message) => {
    expect(() => attentionRollout(small, options)).toThrow(message);
  });
});
