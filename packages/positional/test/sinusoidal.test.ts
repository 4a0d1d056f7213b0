import { type Tensor3D, tidy, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectNoLeak,
  expectOwned,
  expectSameBits,
  fixture,
  hasFixtures,
  randomTensor,
  readGoldens,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { sinusoidal, type SinusoidalLayout, SinusoidalPositions } from '../src/index.ts';

useEngineForTests();

test('by hand: dim 4, in turn and in halves', () => {
  const [s, c] = [Math.sin, Math.cos];
  expectClose(sinusoidal({ length: 3, dim: 4 }), [
    0,
    1,
    0,
    1,
    s(1),
    c(1),
    s(0.01),
    c(0.01),
    s(2),
    c(2),
    s(0.02),
    c(0.02),
  ]);
  expectClose(sinusoidal({ length: 2, dim: 4, layout: 'halves' }), [0, 0, 1, 1, s(1), s(0.01), c(1), c(0.01)]);
});

test('odd widths end with a sine, or have one cosine less', () => {
  const [s, c] = [Math.sin, Math.cos];
  const slow = 10000 ** (-2 / 3);
  expectClose(sinusoidal({ length: 2, dim: 3 }), [0, 1, 0, s(1), c(1), s(slow)]);
  expectClose(sinusoidal({ length: 2, dim: 3, layout: 'halves' }), [0, 0, 1, s(1), s(slow), c(1)]);
});

test.each<SinusoidalLayout>(['interleaved', 'halves'])(
  'PE(p + k) is a rotation of PE(p) that depends on k alone: %s',
  (layout) => {
    const [dim, k] = [8, 5];
    const table = sinusoidal({ length: 40, dim, layout });
    const [sine, cosine] =
      layout === 'halves'
        ? [(i: number) => i, (i: number) => i + dim / 2]
        : [(i: number) => 2 * i, (i: number) => 2 * i + 1];
    for (let p = 0; p + k < 40; p++) {
      for (let i = 0; i < dim / 2; i++) {
        const angle = k / 10000 ** ((2 * i) / dim);
        const at = (position: number, column: number): number => table[position * dim + column]!;
        expectClose(at(p + k, sine(i)), at(p, sine(i)) * Math.cos(angle) + at(p, cosine(i)) * Math.sin(angle), {
          atol: 1e-6,
        });
      }
    }
  },
);

test('positions are told apart', () => {
  const table = sinusoidal({ length: 100, dim: 16 });
  expect(new Set(Array.from({ length: 100 }, (_, p) => table.slice(p * 16, p * 16 + 16).join())).size).toBe(100);
});

describe('SinusoidalPositions', () => {
  test('adds the table from an offset on', () => {
    using positions = new SinusoidalPositions({ contextLength: 10, dim: 6 });
    const x = randomTensor<Tensor3D>([2, 3, 6]);
    const table = sinusoidal({ length: 10, dim: 6 });
    expectClose(
      positions.call(x, { offset: 4 }),
      valuesOf(x).map((value, i) => value + table[4 * 6 + (i % 18)]!),
    );
    expectSameBits(positions.call(zeros([1, 10, 6])), table);
    expectOwned(() => positions.call(x));
    expect(positions.parameters()).toEqual([]);
  });

  test('the limit', async () => {
    using positions = new SinusoidalPositions({ contextLength: 10, dim: 6 });
    const x = zeros([1, 3, 6]) as Tensor3D;
    expect(positions.call(x, { offset: 7 }).shape).toEqual([1, 3, 6]);
    await expectError(() => positions.call(x, { offset: 8 }), {
      code: 'shape',
      message: 'SinusoidalPositions: x must end before position 10, got 3 tokens from 8',
    });
  });

  test('lives as long as its owner, wherever it was made; disposing twice does no harm', async () => {
    await expectNoLeak(() => {
      const made: SinusoidalPositions[] = [];
      tidy(() => void made.push(new SinusoidalPositions({ contextLength: 2, dim: 2 })));
      const [positions] = made as [SinusoidalPositions];
      tidy(() => expectClose(positions.call(zeros([1, 1, 2])), [0, 1]));
      positions.dispose();
      positions.dispose();
    });
  });
});

describe.skipIf(!hasFixtures())('the known answers of ../shared/fixtures/positional', () => {
  test.each<[name: string, layout: SinusoidalLayout]>([
    ['vaswani.17x32', 'interleaved'],
    ['vaswani.50x6', 'interleaved'],
    ['vaswani.5x9', 'interleaved'],
    ['distilbert.50x6', 'interleaved'],
    ['marian.17x32', 'halves'],
    ['marian.50x6', 'halves'],
    ['marian.5x9', 'halves'],
  ])('%s', async (name, layout) => {
    const golden = (await readGoldens(fixture('positional', 'positional.safetensors'))).get(`sinusoidal.${name}`)!;
    const [length, dim] = golden.shape as [number, number];
    expectClose(sinusoidal({ length, dim, layout }), golden, { rtol: 1e-5, atol: 2e-6 });
  });
});
