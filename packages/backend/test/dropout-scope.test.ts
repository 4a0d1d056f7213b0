import { expect, test } from 'vitest';

import { useEngineForTests } from '../../testing/src/index.ts';
import { nextDropoutKey, replayDropout, withDropout, withoutDropout } from '../src/index.ts';

useEngineForTests();

/** The keys of a few dropout calls. */
const keys = (count = 3): string[] => Array.from({ length: count }, () => String(nextDropoutKey()));

test('outside of a scope dropout is off', () => {
  expect(nextDropoutKey()).toBeUndefined();
});

test('every call in a scope has a key of its own, the same ones the next time', () => {
  const seen = withDropout({ seed: 1, step: 2 }, () => keys(50));
  expect(new Set(seen).size).toBe(50);
  expect(withDropout({ seed: 1, step: 2 }, () => keys(50))).toEqual(seen);
});

test('seeds, steps and micro-batches have other keys', () => {
  const scopes = [0, 1].flatMap((seed) =>
    [0, 1].flatMap((step) => [0, 1].map((microBatch) => ({ seed, step, microBatch }))),
  );
  const seen = scopes.flatMap((scope) => withDropout(scope, () => keys(10)));
  expect(new Set(seen).size).toBe(80);
  expect(withDropout({ seed: 0, step: 1 }, () => keys(10))).toEqual(
    withDropout({ seed: 0, step: 1, microBatch: 0 }, () => keys(10)),
  );
});

test('scopes nest, and end with errors', () => {
  const plain = withDropout({ seed: 1, step: 1 }, () => keys(2));
  const nested = withDropout({ seed: 1, step: 1 }, () => {
    const [first] = keys(1);
    withoutDropout(() => expect(nextDropoutKey()).toBeUndefined());
    withDropout({ seed: 9, step: 9 }, () => keys(5));
    expect(() =>
      withDropout({ seed: 9, step: 9 }, () => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    return [first, ...keys(1)];
  });
  expect(nested).toEqual(plain);
  expect(nextDropoutKey()).toBeUndefined();
});

test('replay gives the same keys as often as asked, and leaves the scope where it was', () => {
  withDropout({ seed: 1, step: 1 }, () => {
    keys(2);
    const replay = replayDropout();
    const seen = keys(3);
    expect(replay(() => keys(3))).toEqual(seen);
    expect(replay(() => keys(3))).toEqual(seen);
    const next = keys(1);
    expect(seen).not.toContain(next[0]);
  });
  const off = replayDropout();
  withDropout({ seed: 1, step: 1 }, () => off(() => expect(nextDropoutKey()).toBeUndefined()));
});
