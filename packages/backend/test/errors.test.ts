import { describe, expect, test } from 'vitest';

import { BackendError, checkShape, ConfigError, FormersError, ShapeError, ValueError } from '../src/index.ts';

describe.each([
  [ConfigError, 'config'],
  [ShapeError, 'shape'],
  [ValueError, 'value'],
  [BackendError, 'backend'],
] as const)('%o', (Class, code) => {
  const error = new Class('what was wanted', { cause: 1 });

  test('has a code, a name and a cause', () => {
    expect(error).toBeInstanceOf(FormersError);
    expect(error.code).toBe(code);
    expect(String(error)).toBe(`${Class.name}: what was wanted`);
    expect(error.cause).toBe(1);
  });

  test('isInstance knows it, also from another copy of the package, and nothing else', () => {
    expect(Class.isInstance(error)).toBe(true);
    expect(Class.isInstance(Object.assign(new Error('x'), { code }))).toBe(true);
    for (const other of [new Error('x'), { code }, undefined, null, code]) expect(Class.isInstance(other)).toBe(false);
  });
});

describe('checkShape', () => {
  test.each<[shape: number[], wanted: (number | string)[]]>([
    [
      [2, 16, 768],
      ['batch', 'seq', 768],
    ],
    [
      [2, 16, 768],
      [2, 16, 768],
    ],
    [[], []],
  ])('%o is %o', (shape, wanted) => {
    expect(() => checkShape('f: x', { shape }, wanted)).not.toThrow();
  });

  test.each<[shape: number[], wanted: (number | string)[], text: string]>([
    [[2, 16, 512], ['batch', 'seq', 768], 'f: x must be [batch, seq, 768], got [2, 16, 512]'],
    [[2, 16], ['batch', 'seq', 768], 'f: x must be [batch, seq, 768], got [2, 16]'],
    [[2, 3, 4], ['batch', 'seq'], 'f: x must be [batch, seq], got [2, 3, 4]'],
    [[1], [], 'f: x must be [], got [1]'],
  ])('%o is not %o', (shape, wanted, text) => {
    expect(() => checkShape('f: x', { shape }, wanted)).toThrow(new ShapeError(text));
  });
});
