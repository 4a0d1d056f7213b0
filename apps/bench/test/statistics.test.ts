import { describe, expect, it } from 'vitest';

import { stepsWithin, summarise, worstDifference, worstShare } from '../src/harness/statistics.ts';

describe('summarise', () => {
  it('takes the middle one of an odd number of samples', () => {
    expect(summarise([5, 1, 4])).toEqual({ count: 3, median: 4, best: 1 });
  });

  it('takes the mean of the middle two of an even number', () => {
    expect(summarise([10, 1, 4, 2])).toEqual({ count: 4, median: 3, best: 1 });
  });

  it('does not change what it is given, and refuses nothing at all', () => {
    const samples = [3, 2, 1];
    summarise(samples);
    expect(samples).toEqual([3, 2, 1]);
    expect(() => summarise([])).toThrow(RangeError);
  });
});

describe('worstDifference', () => {
  it('is the largest distance, as far as both go', () => {
    expect(worstDifference([1, 2, 9], [1.5, 1])).toBe(1);
  });

  it('is NaN as soon as one number is none', () => {
    expect(worstDifference([1, Number.NaN], [1, 1])).toBeNaN();
  });
});

describe('worstShare', () => {
  it('measures each group by its own largest number', () => {
    expect(worstShare([[100, 1], [0.5]], [[101, 1], [0.6]])).toBeCloseTo(0.2);
  });

  it('is NaN where groups or numbers are missing', () => {
    expect(worstShare([[1]], [])).toBeNaN();
    expect(worstShare([[1, 2]], [[1]])).toBeNaN();
  });
});

describe('stepsWithin', () => {
  const limits = { wanted: 20, milliseconds: 1000, least: 3 };

  it('gives all steps to the quick, fewer to the slow, and never less than the least', () => {
    expect(stepsWithin(10, limits)).toBe(20);
    expect(stepsWithin(100, limits)).toBe(10);
    expect(stepsWithin(900, limits)).toBe(3);
  });
});
