import { ones, type Tensor, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectOwned,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../../testing/src/index.ts';
import { dropout, dropoutMask, randomKey, uniformValues, valueAndGradients, withDropout } from '../../src/index.ts';

useEngineForTests();

const on = <T>(f: () => T, step = 1): T => withDropout({ seed: 1, step }, f);

test('outside of a scope, and at rate 0, it is the identity with a handle of its own', () => {
  const x = randomTensor([4]);
  for (const y of [dropout(x, 0.5), on(() => dropout(x, 0))]) {
    expectSameBits(y, x);
    expect(y).not.toBe(x);
  }
  expectOwned(() => dropout(x, 0.5));
});

describe.each([0.1, 0.5, 0.9])('rate %d', (rate) => {
  const count = 20_000;

  test('drops that share, and scales the rest by 1 / (1 - rate)', () => {
    const kept = valuesOf(on(() => dropout(ones([count]), rate))).filter((value) => value !== 0);
    const sigma = Math.sqrt(rate * (1 - rate) * count);
    expect(Math.abs(kept.length - (1 - rate) * count)).toBeLessThan(4 * sigma);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / (1 - rate))]));
  });

  test('the gradient goes where the values went, with the same factor', () => {
    const x = randomTensor([3, 50]);
    const [value, gradient] = on(() => {
      const { value: y, gradients } = valueAndGradients(() => dropout(x, rate), [x]);
      return [valuesOf(y), valuesOf(gradients[0]!)];
    }) as [number[], number[]];
    valuesOf(x).forEach((input, i) => expectClose(value[i]!, input * gradient[i]!));
    expect(new Set(gradient)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
  });

  test('the mask is that of the key: element i depends on it and i alone', () => {
    const key = randomKey(3, 'mask');
    const mask = valuesOf(dropoutMask([10, 7], rate, key));
    uniformValues(key, 70).forEach((uniform, i) =>
      expect(mask[i]).toBe(uniform < rate ? 0 : Math.fround(1 / (1 - rate))),
    );
    expect(valuesOf(dropoutMask([33], rate, key))).toEqual(mask.slice(0, 33));
  });
});

test('the calls and the steps have masks of their own, the same ones in another run', () => {
  const x = ones([200]);
  const run = (step: number): number[][] => on(() => [dropout(x, 0.5), dropout(x, 0.5)].map((y) => valuesOf(y)), step);
  const [first, second] = run(1);
  const [third] = run(2);
  expect(run(1)).toEqual([first, second]);
  for (const [a, b] of [
    [first, second],
    [first, third],
    [second, third],
  ] as [number[], number[]][]) {
    const same = a.filter((value, i) => value === b[i]).length; // about half
    expect(Math.abs(same - 100)).toBeLessThan(4 * Math.sqrt(50));
  }
});

test('rate 1 gives zeros, not NaN', () => {
  expectSameBits(on(() => dropout(ones([5]), 1)) as Tensor, zeros([5]));
});

test('owns its output', () => {
  const x = randomTensor([4]);
  expectOwned(() => on(() => dropout(x, 0.5)));
});
