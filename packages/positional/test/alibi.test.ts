import { attend } from '@formers/backend';
import { tensor2d, type Tensor4D } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, expectOwned, expectSameBits, randomTensor, useEngineForTests } from '../../testing/src/index.ts';
import { alibiBias, alibiKeyBias, alibiSlopes, positionIdsFromMask } from '../src/index.ts';

useEngineForTests();

test('slopes by hand', () => {
  expectSameBits(
    alibiSlopes(8),
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => 2 ** -n),
  );
  expectClose(
    alibiSlopes(16),
    Array.from({ length: 16 }, (_, i) => 2 ** (-(i + 1) / 2)),
  );
  expectSameBits(alibiSlopes(1), [2 ** -8]);
  expectSameBits(alibiSlopes(2), [2 ** -4, 2 ** -8]);
});

test('heads that are no power of two: those of the lower power, then every second one of the higher', () => {
  const every = [...alibiSlopes(16)];
  expectClose(alibiSlopes(12), [...alibiSlopes(8), every[0]!, every[2]!, every[4]!, every[6]!]);
  expectClose(alibiSlopes(3), [2 ** -4, 2 ** -8, 2 ** -2]);
  expectClose(alibiSlopes(7), [2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8, 2 ** -1, 2 ** -3, 2 ** -5]);
});

test('the bias is minus the slope times the distance', () => {
  const bias = alibiBias({ numHeads: 2, queries: 2, keys: 3, offset: 0 });
  expect(bias.shape).toEqual([1, 2, 2, 3]);
  const distances = [0, 1, 2, 1, 0, 1];
  expectClose(bias, [...distances.map((d) => -d / 16), ...distances.map((d) => -d / 256)]);
  expectOwned(() => alibiBias({ numHeads: 2, queries: 2, keys: 3 }));
});

test('without an offset the last query stands at the last key', () => {
  expectClose(
    alibiBias({ numHeads: 1, queries: 2, keys: 4 }),
    [-2, -1, 0, -1, -3, -2, -1, 0].map((d) => d / 256),
  );
});

test("Bloom's: the slope times the position of the key, padding at 0", () => {
  const mask = tensor2d(
    [
      [1, 1, 1, 0],
      [0, 0, 1, 1],
    ],
    [2, 4],
    'int32',
  );
  const positionIds = positionIdsFromMask(mask);
  const bias = alibiKeyBias(positionIds, { numHeads: 2 });
  expect(bias.shape).toEqual([2, 2, 1, 4]);
  const rows = [
    [0, 1, 2, 0],
    [0, 0, 0, 1],
  ];
  expectClose(
    bias,
    rows.flatMap((row) => [16, 256].flatMap((by) => row.map((position) => position / by))),
  );
  expectOwned(() => alibiKeyBias(positionIds, { numHeads: 2 }));
});

test('under a causal mask both are the same attention', () => {
  const [q, k, v] = [1, 2, 3].map((seed) => randomTensor<Tensor4D>([2, 3, 5, 4], { seed })) as [
    Tensor4D,
    Tensor4D,
    Tensor4D,
  ];
  const positionIds = tensor2d([[0, 1, 2, 3, 4]], [1, 5], 'int32');
  const byDistance = attend(q, k, v, { causal: true, bias: alibiBias({ numHeads: 3, queries: 5, keys: 5 }) });
  const byKey = attend(q, k, v, { causal: true, bias: alibiKeyBias(positionIds, { numHeads: 3 }) });
  expectClose(byKey, byDistance, { atol: 1e-5 });
});
