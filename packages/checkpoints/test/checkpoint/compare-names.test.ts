import { expect, test } from 'vitest';

import { compareNames, fromFloat32, openCheckpoint, openFolder, serializeSafetensors } from '../../src/index.ts';
import { expectError } from '../support/expect-error.ts';

const shapes = (entries: Record<string, number[]>): Map<string, number[]> => new Map(Object.entries(entries));

test('the same names and shapes pass, in any order', () => {
  expect(() => compareNames(shapes({ a: [1, 2], b: [] }), shapes({ b: [], a: [1, 2] }))).not.toThrow();
});

test('all differences at once', async () => {
  const expected = shapes({ a: [2, 3], b: [4], c: [], d: [1], e: [5] });
  const found = shapes({ a: [3, 2], b: [4], c: [1], x: [1], '\u001b[2J': [2], e: [5] });
  const error = await expectError('mismatch', () => compareNames(expected, found));
  expect(error.mismatch).toEqual({
    missing: ['d'],
    unexpected: ['x', '\u001b[2J'],
    misshaped: [
      { name: 'a', expected: [2, 3], found: [3, 2] },
      { name: 'c', expected: [], found: [1] },
    ],
  });
  expect(error.message).toBe(
    'the checkpoint does not fit\nmissing (1):\n  d\nunexpected (2):\n  x\n  "\\u001b[2J"\nof another shape (2):\n  a: wanted [2, 3], got [3, 2]\n  c: wanted [], got [1]',
  );
});

test('long lists are cut in the message only', async () => {
  const expected = new Map(Array.from({ length: 50 }, (_, i) => [`t${i}`, [1]]));
  const error = await expectError('mismatch', () => compareNames(expected, new Map()));
  expect(error.mismatch?.missing).toHaveLength(50);
  expect(error.message).toContain('missing (50):');
  expect(error.message).toMatch(/t19\n {2}and 30 more$/);
});

test('a checkpoint serves as well', async () => {
  const bytes = serializeSafetensors([['a', fromFloat32(new Float32Array(2), [2])]]);
  const checkpoint = await openCheckpoint(await openFolder(new Map([['model.safetensors', bytes]])));
  compareNames(shapes({ a: [2] }), checkpoint);
  await expectError('mismatch', () => compareNames(shapes({ a: [2, 1] }), checkpoint));
  await expectError('mismatch', () => compareNames(shapes({}), checkpoint));
});
