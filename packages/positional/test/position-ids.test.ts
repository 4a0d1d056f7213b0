import { cast, tensor2d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectOwned, expectSameBits, useEngineForTests } from '../../testing/src/index.ts';
import { positionIdsFromMask, positionIdsFromPadding } from '../src/index.ts';

useEngineForTests();

test('by padding: tokens count from the padding id and one, padding has its id', () => {
  const ids = tensor2d(
    [
      [5, 6, 7, 1],
      [1, 1, 9, 8],
    ],
    [2, 4],
    'int32',
  );
  const found = positionIdsFromPadding(ids, { padTokenId: 1 });
  expect([found.shape, found.dtype]).toEqual([[2, 4], 'int32']);
  expectSameBits(found, [2, 3, 4, 1, 1, 1, 2, 3]);
  expectSameBits(positionIdsFromPadding(ids, { padTokenId: 0 }), [1, 2, 3, 4, 1, 2, 3, 4]);
  expectSameBits(positionIdsFromPadding(ids, { padTokenId: 1, offset: 3 }), [5, 6, 7, 1, 1, 1, 5, 6]);
  expectOwned(() => positionIdsFromPadding(ids, { padTokenId: 1 }));
});

test('by mask: tokens count from 0, padding has 0', () => {
  const mask = tensor2d(
    [
      [1, 1, 1, 0],
      [0, 0, 1, 1],
    ],
    [2, 4],
    'int32',
  );
  const found = positionIdsFromMask(mask);
  expect(found.dtype).toBe('int32');
  expectSameBits(found, [0, 1, 2, 0, 0, 0, 0, 1]);
  expectSameBits(positionIdsFromMask(cast(mask, 'bool')), found);
  expectOwned(() => positionIdsFromMask(mask));
});
