import { describe, expect, it } from 'vitest';

import { maskedPatches, maskingNoise } from '../src/index.ts';
import { chiSquare, chiSquareLimit, rowsOf, withoutLeaks } from './helpers.ts';

withoutLeaks();

describe('maskedPatches', () => {
  it('hides whole blocks, as many as the ratio says, each alike', () => {
    const counts = new Array<number>(12).fill(0);
    const batchSize = 2000;
    const mask = maskedPatches({ gridHeight: 6, gridWidth: 8, ratio: 0.6, batchSize, step: 0, seed: 1 });
    expect([mask.shape, mask.dtype]).toEqual([[batchSize, 48], 'int32']);
    for (const row of rowsOf(mask)) {
      const blocks = Array.from({ length: 12 }, (_, block) => {
        const corner = Math.floor(block / 4) * 16 + (block % 4) * 2;
        const patches = [corner, corner + 1, corner + 8, corner + 9].map((patch) => row[patch]);
        expect(new Set(patches).size).toBe(1);
        return patches[0] ?? 0;
      });
      expect(blocks.reduce((sum, block) => sum + block, 0)).toBe(8); // ceil(0.6 * 12)
      blocks.forEach((hidden, block) => (counts[block]! += hidden));
    }
    mask.dispose();
    const expected = (batchSize * 8) / 12;
    expect(
      chiSquare(
        counts,
        counts.map(() => expected),
      ) /
        (1 - 8 / 12),
    ).toBeLessThan(chiSquareLimit(12));
  });

  it('depends on the place of the image in the run', () => {
    const rowsAt = (batchSize: number, step: number, seed = 0): string[] => {
      const mask = maskedPatches({ gridHeight: 8, gridWidth: 8, blockSize: 1, batchSize, step, seed });
      const rows = rowsOf(mask).map(String);
      mask.dispose();
      return rows;
    };
    expect([...rowsAt(2, 0), ...rowsAt(2, 1)]).toEqual(rowsAt(4, 0));
    expect(new Set(rowsAt(4, 0)).size).toBe(4);
    expect(rowsAt(2, 0, 1)).not.toEqual(rowsAt(2, 0));
  });

  it('refuses blocks that do not fill the image', () => {
    expect(() => maskedPatches({ gridHeight: 7, gridWidth: 8, batchSize: 1, step: 0 })).toThrow('got 7 x 8 patches');
    expect(() => maskedPatches({ gridHeight: 8, gridWidth: 8, ratio: 1.5, batchSize: 1, step: 0 })).toThrow('ratio');
  });
});

describe('maskingNoise', () => {
  it('is uniform, another for each image and step, the same for a place', () => {
    const noise = maskingNoise({ numPatches: 49, batchSize: 200, step: 3, seed: 2 });
    const values = noise.dataSync();
    const counts = new Array<number>(20).fill(0);
    for (const value of values) counts[Math.floor(value * 20)]!++;
    expect(
      chiSquare(
        counts,
        counts.map(() => values.length / 20),
      ),
    ).toBeLessThan(chiSquareLimit(19));
    const later = maskingNoise({ numPatches: 49, batchSize: 100, step: 6, seed: 2 });
    expect([...later.dataSync()]).toEqual([...values.slice(0, 49 * 100)]);
    const other = maskingNoise({ numPatches: 49, batchSize: 100, step: 6, seed: 3 });
    expect([...other.dataSync()]).not.toEqual([...later.dataSync()]);
    for (const tensor of [noise, later, other]) tensor.dispose();
  });
});
