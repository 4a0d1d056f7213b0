import { RandomStream } from '@formers/backend';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { draw, drawWithoutReplacement } from '../src/multinomial.ts';
import { argmax, entropy, largestIndices, logSoftmax, softmax } from '../src/probabilities.ts';

describe('softmax', () => {
  it('is the exponential over the sum, however large the logits', () => {
    const [a, b, c] = softmax(Float64Array.of(1000, 1000 + Math.log(3), -Infinity));
    expect(a).toBeCloseTo(0.25, 12);
    expect(b).toBeCloseTo(0.75, 12);
    expect(c).toBe(0);
  });

  it('refuses rows without a choice', () => {
    expect(() => logSoftmax(Float64Array.of(-Infinity, -Infinity))).toThrow('no token is left');
    expect(() => logSoftmax(Float64Array.of(0, NaN, 1))).toThrow('NaN');
    expect(() => logSoftmax(Float64Array.of(0, Infinity))).toThrow('Infinity');
  });

  it('has the entropy ln(n) where it is flat', () => {
    expect(entropy(logSoftmax(Float64Array.of(2, 2, 2, -Infinity)))).toBeCloseTo(Math.log(3), 12);
  });
});

describe('largest', () => {
  it('takes the lowest of equals', () => {
    expect(argmax(Float64Array.of(1, 3, 3, 2))).toBe(1);
    expect(largestIndices(Float64Array.of(1, 3, 3, 3, 2), 2)).toEqual([1, 2]);
  });

  it('agrees with a sort', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 })), fc.integer({ min: 1, max: 12 }), (values, count) => {
        const sorted = [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
        expect(largestIndices(Float64Array.from(values), count)).toEqual(sorted.slice(0, count));
      }),
    );
  });
});

describe('draw', () => {
  it('draws by weight', () => {
    const random = new RandomStream(3, 'test');
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[draw(Float64Array.of(1, 0, 2, 5), random)!]!++;
    expect(counts[1]).toBe(0);
    for (const [id, share] of [
      [0, 1 / 8],
      [2, 2 / 8],
      [3, 5 / 8],
    ] as const) {
      expect(Math.abs(counts[id]! / 20_000 - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / 20_000));
    }
  });

  it('draws each once without replacement, the second by what is left', () => {
    const random = new RandomStream(4, 'test');
    let secondIsLast = 0;
    for (let i = 0; i < 20_000; i++) {
      const drawn = drawWithoutReplacement(Float64Array.of(3, 1, 0, 1), { count: 4, random });
      expect([...drawn].sort((a, b) => a - b)).toEqual([0, 1, 3]);
      if (drawn[1] === 3) secondIsLast++;
    }
    const share = (3 / 5) * (1 / 2) + (1 / 5) * (1 / 4); // after 0, after 1
    expect(Math.abs(secondIsLast / 20_000 - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / 20_000));
  });

  it('draws nothing from nothing', () => {
    expect(draw(Float64Array.of(0, 0), new RandomStream(1, 'test'))).toBeUndefined();
  });
});
