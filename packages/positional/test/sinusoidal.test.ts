import { tensor2d, type Tensor3D, tidy, zeros } from '@tensorflow/tfjs-core';
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
import { sinusoidal, type SinusoidalLayout, type SinusoidalOptions, SinusoidalPositions } from '../src/index.ts';

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

test('closed spacing: the slowest rate is 1/10000; an odd width ends with zeros', () => {
  const [s, c] = [Math.sin, Math.cos];
  const options = { length: 3, layout: 'halves', spacing: 'closed' } as const;
  expectClose(sinusoidal({ ...options, dim: 6 }).subarray(12), [s(2), s(0.02), s(0.0002), c(2), c(0.02), c(0.0002)]);
  expectClose(sinusoidal({ ...options, dim: 5 }).subarray(10), [s(2), s(0.0002), c(2), c(0.0002), 0]);
  expectClose(sinusoidal({ ...options, dim: 4, layout: 'interleaved' }).subarray(8), [
    s(2),
    c(2),
    s(0.0002),
    c(0.0002),
  ]);
});

test('the row for padding is zeros, the others stay', () => {
  const [plain, padded] = [sinusoidal({ length: 4, dim: 6 }), sinusoidal({ length: 4, dim: 6, paddingRow: 1 })];
  expectSameBits(padded.subarray(6, 12), [0, 0, 0, 0, 0, 0]);
  expectSameBits([...padded.subarray(0, 6), ...padded.subarray(12)], [...plain.subarray(0, 6), ...plain.subarray(12)]);
});

test('closed spacing takes two rates at least', async () => {
  await expectError(() => sinusoidal({ length: 1, dim: 3, spacing: 'closed' }), {
    code: 'config',
    message: 'sinusoidal: dim must be at least 4 when the spacing is closed, got 3',
  });
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

  test('adds the rows of given positions, one row of them for all or one each', () => {
    using positions = new SinusoidalPositions({ contextLength: 10, dim: 4, layout: 'halves', paddingRow: 1 });
    const table = sinusoidal({ length: 10, dim: 4, layout: 'halves', paddingRow: 1 });
    const row = (position: number): number[] => [...table.subarray(position * 4, position * 4 + 4)];
    const x = zeros([2, 2, 4]) as Tensor3D;
    const each = tensor2d(
      [
        [2, 3],
        [1, 9],
      ],
      [2, 2],
      'int32',
    );
    expectSameBits(positions.call(x, { positionIds: each }), [...row(2), ...row(3), ...row(1), ...row(9)]);
    const shared = tensor2d([[5, 4]], [1, 2], 'int32');
    expectSameBits(positions.call(x, { positionIds: shared }), [...row(5), ...row(4), ...row(5), ...row(4)]);
    expectOwned(() => positions.call(x, { positionIds: each }));
  });

  test('the limit', async () => {
    using positions = new SinusoidalPositions({ contextLength: 10, dim: 6 });
    const x = zeros([1, 3, 6]) as Tensor3D;
    expect(positions.call(x, { offset: 7 }).shape).toEqual([1, 3, 6]);
    await expectError(() => positions.call(x, { offset: 8 }), {
      code: 'shape',
      message: 'SinusoidalPositions: x must end before position 10, got 3 tokens from 8',
    });
    const positionIds = tensor2d([[0, 10, 1]], [1, 3], 'int32');
    await expectError(() => positions.call(x, { positionIds }), {
      code: 'shape',
      message: 'SinusoidalPositions: positionIds must be under 10, got 10',
    });
    const wide = zeros([1, 3, 5]) as Tensor3D;
    await expectError(() => positions.call(wide), {
      code: 'shape',
      message: 'SinusoidalPositions: x must be [batch, seq, 6], got [1, 3, 5]',
    });
  });

  test('holds no tensors', async () => {
    await expectNoLeak(() => {
      const positions = new SinusoidalPositions({ contextLength: 2, dim: 2 });
      tidy(() => expectClose(positions.call(zeros([1, 1, 2])), [0, 1]));
    });
  });
});

describe.skipIf(!hasFixtures())('the known answers of ../shared/fixtures/positional', () => {
  test.each<[name: string, options: Omit<SinusoidalOptions, 'length' | 'dim'>]>([
    ['vaswani.17x32', {}],
    ['vaswani.50x6', {}],
    ['vaswani.5x9', {}],
    ['distilbert.50x6', {}],
    ['marian.17x32', { layout: 'halves' }],
    ['marian.50x6', { layout: 'halves' }],
    ['marian.5x9', { layout: 'halves' }],
    ['whisper.17x32', { layout: 'halves', spacing: 'closed' }],
    ['fairseq.50x6', { layout: 'halves', spacing: 'closed', paddingRow: 1 }],
  ])('%s', async (name, options) => {
    const golden = (await readGoldens(fixture('positional', 'positional.safetensors'))).get(`sinusoidal.${name}`)!;
    const [length, dim] = golden.shape as [number, number];
    expectClose(sinusoidal({ length, dim, ...options }), golden, { rtol: 1e-5, atol: 2e-6 });
  });
});
