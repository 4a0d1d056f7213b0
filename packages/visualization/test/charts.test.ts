import { describe, expect, it } from 'vitest';

import { Series } from '../src/charts/series.ts';
import { shortNumber, ticksOf } from '../src/charts/ticks.ts';

describe('ticksOf', () => {
  it('gives round numbers within the range', () => {
    expect(ticksOf([0, 1], 4)).toEqual([0, 0.5, 1]);
    expect(ticksOf([0, 1], 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksOf([-3, 117], 5)).toEqual([0, 50, 100]);
    expect(ticksOf([0.1, 0.32], 4)).toEqual([0.1, 0.2, 0.3]);
    expect(ticksOf([2, 2], 4)).toEqual([2]);
  });
});

describe('shortNumber', () => {
  it('has about three digits', () => {
    expect([0, 0.30000000000000004, 2.30111, 123.4, 12_345, 0.00012, 2e9].map(shortNumber)).toEqual([
      '0',
      '0.3',
      '2.3',
      '123',
      '12,345',
      '1.2e-4',
      '2.0e+9',
    ]);
  });
});

describe('Series', () => {
  it('finds the last point at or before x', () => {
    const series = new Series();
    for (const x of [0, 10, 20, 30]) series.append({ x, y: x / 10 });
    expect([5, 10, 29, 99, -1].map((x) => series.at(x)?.y)).toEqual([0, 1, 2, 3, 0]);
    expect(new Series().at(3)).toBeUndefined();
  });

  it('goes back where x does: what came after is dropped', () => {
    const series = new Series();
    for (const [x, y] of [
      [1, 1],
      [2, 2],
      [3, 3],
      [2, 9],
    ] as const)
      series.append({ x, y });
    expect(series.points).toEqual([
      { x: 1, y: 1 },
      { x: 2, y: 9 },
    ]);
  });

  it('is thinned without losing its peaks', () => {
    const series = new Series();
    for (let x = 0; x < 10_000; x++) series.append({ x, y: x === 4321 ? 50 : x === 8765 ? -50 : Math.sin(x) });
    const thinned = series.thinned([0, 9999], 100);
    expect(thinned.length).toBeLessThanOrEqual(404);
    expect(thinned).toContainEqual({ x: 4321, y: 50 });
    expect(thinned).toContainEqual({ x: 8765, y: -50 });
    expect([thinned[0]?.x, thinned.at(-1)?.x]).toEqual([0, 9999]);
    expect(thinned.every(({ x }, i) => i === 0 || x > (thinned[i - 1]?.x ?? 0))).toBe(true);
  });
});
