import { describe, expect, it } from 'vitest';

import { beginningOf, forEachSegment, type Point, type Stroke } from '../src/digit/strokes.ts';

const corner: Stroke[] = [
  [
    [0, 0],
    [0.3, 0],
    [0.3, 0.4],
  ],
  [
    [0.5, 0.5],
    [0.8, 0.5],
  ],
];

describe('forEachSegment', () => {
  it('visits each straight piece, and a dot as a piece of no length', () => {
    const visited: [Point, Point][] = [];
    forEachSegment([...corner, [[0.9, 0.9]], []], (from, to) => visited.push([from, to]));
    expect(visited).toEqual([
      [
        [0, 0],
        [0.3, 0],
      ],
      [
        [0.3, 0],
        [0.3, 0.4],
      ],
      [
        [0.5, 0.5],
        [0.8, 0.5],
      ],
      [
        [0.9, 0.9],
        [0.9, 0.9],
      ],
    ]);
  });
});

describe('beginningOf', () => {
  it('gives the strokes up to a share of their length', () => {
    expect(beginningOf(corner, 0)).toEqual([
      [
        [0, 0],
        [0, 0],
      ],
    ]);
    const half = beginningOf(corner, 0.5); // 0.5 of 1: 0.3 to the right, 0.2 down
    expect(half).toHaveLength(1);
    expect(half[0]).toHaveLength(3);
    expect(half[0]?.[2]).toEqual([0.3, expect.closeTo(0.2, 10)]);
    const most = beginningOf(corner, 0.9);
    expect(most[1]?.[1]).toEqual([expect.closeTo(0.7, 10), 0.5]);
    expect(beginningOf(corner, 1.001)).toEqual(corner);
  });

  it('gives dots, and nothing for nothing', () => {
    expect(beginningOf([[[0.5, 0.5]]], 1)).toEqual([[[0.5, 0.5]]]);
    expect(beginningOf([], 0.5)).toEqual([]);
  });
});
