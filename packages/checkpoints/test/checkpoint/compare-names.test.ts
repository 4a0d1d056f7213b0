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
    'the checkpoint does not fit: missing d; unexpected x (and 1 more); of another shape a: wanted [2, 3], got [3, 2] (and 1 more)',
  );
});

test('the message is one line that names the first of each kind; the error has all', async () => {
  const expected = new Map(Array.from({ length: 50 }, (_, i) => [`t${i}`, [1]]));
  const error = await expectError('mismatch', () => compareNames(expected, new Map()));
  expect(error.mismatch?.missing).toHaveLength(50);
  expect(error.message).toBe('the checkpoint does not fit: missing t0 (and 49 more)');
});

test('a checkpoint serves as well', async () => {
  const bytes = serializeSafetensors([['a', fromFloat32(new Float32Array(2), [2])]]);
  const checkpoint = await openCheckpoint(await openFolder(new Map([['model.safetensors', bytes]])));
  compareNames(shapes({ a: [2] }), checkpoint);
  await expectError('mismatch', () => compareNames(shapes({ a: [2, 1] }), checkpoint));
  await expectError('mismatch', () => compareNames(shapes({}), checkpoint));
});

test('names of a file are escaped, and the place is told where it is known', async () => {
  const found = shapes({ '\u001b[2J\n': [2] });
  const error = await expectError('mismatch', () => compareNames(shapes({}), found, { where: 'models/tiny' }));
  expect(error.message).toBe('models/tiny does not fit: unexpected "\\u001b[2J\\n"');
});
