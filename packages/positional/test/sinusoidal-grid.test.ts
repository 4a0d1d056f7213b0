import { describe, expect, test } from 'vitest';

import { expectClose, expectError, useEngineForTests, valuesOf } from '../../testing/src/index.ts';
import { sinusoidal, sinusoidalGrid } from '../src/index.ts';

useEngineForTests();

test('by hand: the place in the row, then the row; sines, then cosines', () => {
  const [s, c] = [Math.sin, Math.cos];
  expectClose(sinusoidalGrid({ dim: 4, grid: [2, 3], classTokens: 1 }), [
    ...[0, 0, 0, 0],
    ...[0, 1, 0, 1],
    ...[s(1), c(1), 0, 1],
    ...[s(2), c(2), 0, 1],
    ...[0, 1, s(1), c(1)],
    ...[s(1), c(1), s(1), c(1)],
    ...[s(2), c(2), s(1), c(1)],
  ]);
});

describe.each(['open', 'closed'] as const)('spacing %s', (spacing) => {
  test('each half is a line of positions', () => {
    const [dim, rows, columns] = [16, 3, 5];
    const grid = sinusoidalGrid({ dim, grid: [rows, columns], spacing });
    const line = sinusoidal({ length: 5, dim: 8, layout: 'halves', spacing });
    for (let patch = 0; patch < rows * columns; patch++) {
      const [row, column] = [Math.floor(patch / columns), patch % columns];
      expectClose(grid.subarray(patch * dim, patch * dim + 8), line.subarray(column * 8, column * 8 + 8));
      expectClose(grid.subarray(patch * dim + 8, patch * dim + 16), line.subarray(row * 8, row * 8 + 8));
    }
    expect(
      new Set(Array.from({ length: rows * columns }, (_, i) => valuesOf(grid.slice(i * dim, (i + 1) * dim)).join()))
        .size,
    ).toBe(15);
  });
});

test('a width that is no multiple of 4', async () => {
  await expectError(() => sinusoidalGrid({ dim: 6, grid: [2, 2] }), {
    code: 'config',
    message: 'sinusoidalGrid: dim must be a multiple of 4, got 6',
  });
});
