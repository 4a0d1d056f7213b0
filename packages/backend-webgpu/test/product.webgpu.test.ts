import { normalValues, randomKey } from '@formers/backend';
import { engine, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { readValues } from '../../testing/src/close.ts';
import { useEngineForTests } from '../../testing/src/engine.ts';
import { multiply64 } from '../../testing/src/op-suite/array64.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { multiply } from '../src/kernels/product/product.ts';
import { chooseTile, splitDepth, TILES } from '../src/kernels/product/tiles.ts';
import { dawn } from './dawn.ts';

useEngineForTests(webgpu({ gpu: await dawn() }));

const LARGE = { rows: 68, columns: 132, depth: 36 };
const ODD = { rows: 129, columns: 31, depth: 9 };
const SPLIT = { rows: 8, columns: 20, depth: 600 };

// Few, as a GPU in software takes seconds to translate the larger tiles.
test.each([
  { size: LARGE, transposeA: false, transposeB: true, tiles: TILES },
  { size: LARGE, transposeA: true, transposeB: false, tiles: TILES.slice(0, 2) },
  { size: ODD, transposeA: false, transposeB: false, tiles: TILES.slice(0, 3) },
  { size: ODD, transposeA: true, transposeB: true, tiles: TILES.slice(0, 2) },
  { size: SPLIT, transposeA: false, transposeB: true, tiles: TILES.slice(0, 2) },
])(
  'product of $size, transposed: $transposeA, $transposeB: right, and the same bits and row sums whatever the tile',
  async ({ size: { rows, columns, depth }, transposeA, transposeB, tiles }) => {
    const backend = engine().backend as unknown as FormersWebGPUBackend;
    const values = [rows * depth, depth * columns].map((size, i) => normalValues(randomKey(i, 'product'), size));
    const [a, b] = values.map((list) => tensor(list)) as [Tensor, Tensor];
    const results: number[][] = [];
    for (const tile of tiles) {
      const [c, sums] = [backend.output([rows * columns]), backend.output([rows])];
      multiply(backend, {
        ...{ rows, columns, depth, tile, sums },
        ...{ a: { tensor: a, transposed: transposeA }, b: { tensor: b, transposed: transposeB }, c: { tensor: c } },
      });
      const found = [c, sums].map((info) => engine().makeTensorFromTensorInfo(info));
      results.push((await Promise.all(found.map(readValues))).flat());
    }
    const [left, right] = values.map((list) => Float64Array.from(list)) as [Float64Array, Float64Array];
    const sizes = { rows, columns, depth, transposeA, transposeB };
    const ones = multiply64(left, new Float64Array(depth).fill(1), { ...sizes, columns: 1, transposeB: false });
    const expected = [...multiply64(left, right, sizes), ...ones];
    results[0]?.forEach((value, i) => expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-4));
    for (const result of results) expect(result).toEqual(results[0]);
  },
);

test('depth is split where the output is small, in parts that cover it', () => {
  expect(splitDepth({ rows: 768, columns: 768, depth: 8192, batch: 1 }).splits).toBe(1);
  const { splits, partDepth } = splitDepth({ rows: 64, columns: 64, depth: 5000, batch: 1 });
  expect(splits).toBe(18);
  expect(partDepth * splits).toBeGreaterThanOrEqual(5000);
  expect(partDepth * (splits - 1)).toBeLessThan(5000);
});

test('tiles are large where there are enough of them, and not where most of one would hang over the edge', () => {
  const nameFor = (rows: number, columns: number) => chooseTile(TILES, { rows, columns, depth: 64, batch: 1 }, 1).name;
  expect(nameFor(4096, 4096)).toBe('128x128x8');
  expect(nameFor(1024, 768)).toBe('128x64x16');
  expect(nameFor(70, 4096)).toBe('32x32x16');
  expect(nameFor(10, 10)).toBe('32x32x16');
});
