import { expect, test } from 'vitest';

import { rowsOfUnits } from '../src/engine/matrix-product.ts';

/** Rows of the busiest thread, where threads take units in turn. */
function mostRows(rows: number, threads: number): number {
  const unit = rowsOfUnits(rows, threads);
  const shares = Array.from({ length: threads }, () => 0);
  for (let i = 0; i * unit < rows; i++)
    shares[i % threads] = (shares[i % threads] ?? 0) + Math.min(unit, rows - i * unit);
  return Math.max(...shares);
}

test.each([1, 2, 3, 4, 8])('the rows of a product are shared evenly among %i threads', (threads) => {
  for (const rows of [384, 768, 1024, 1152, 1536, 2048, 3072, 50257])
    expect(mostRows(rows, threads) / (rows / threads)).toBeLessThan(1.05);
});

test('units are whole tiles whose packed rows fit the room for them', () => {
  for (const threads of [1, 2, 5]) {
    for (let rows = 1; rows < 500; rows++) {
      expect(rowsOfUnits(rows, threads) % 6).toBe(0);
      expect(rowsOfUnits(rows, threads)).toBeGreaterThan(0);
      expect(rowsOfUnits(rows, threads)).toBeLessThanOrEqual(192);
    }
  }
});
