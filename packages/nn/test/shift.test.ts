import { tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectOwned, useEngineForTests, valuesOf } from '../../testing/src/index.ts';
import { nextTokens, shiftRight } from '../src/index.ts';

useEngineForTests();

const targets = (rows: number[][]) => tensor2d(rows, [rows.length, rows[0]!.length], 'int32');

describe('shiftRight', () => {
  test('begins with the start token, ends before the last target, pads what doesn`t count', () => {
    const shifted = shiftRight(
      targets([
        [5, 6, 7, 1],
        [8, 1, -100, -100],
      ]),
      { startTokenId: 2, padTokenId: 9 },
    );
    expect(valuesOf(shifted)).toEqual([2, 5, 6, 7, 2, 8, 1, 9]);
    expect([shifted.dtype, shifted.shape]).toEqual(['int32', [2, 4]]);
  });

  test('of one token is the start token', () => {
    expect(valuesOf(shiftRight(targets([[5], [-100]]), { startTokenId: 2, padTokenId: 9 }))).toEqual([2, 2]);
  });

  test('owns its output', () => {
    const some = targets([[5, 6]]);
    expectOwned(() => shiftRight(some, { startTokenId: 2, padTokenId: 9 }));
  });
});

describe('nextTokens', () => {
  test('puts each label under the token before it', () => {
    const moved = nextTokens(
      targets([
        [5, 6, 7],
        [-100, 8, -100],
      ]),
    );
    expect(valuesOf(moved)).toEqual([6, 7, -100, 8, -100, -100]);
    expect(moved.dtype).toBe('int32');
  });

  test('of one token is nothing', () => {
    expect(valuesOf(nextTokens(targets([[5]])))).toEqual([-100]);
  });

  test('owns its output', () => {
    const some = targets([[5, 6]]);
    expectOwned(() => nextTokens(some));
  });
});
