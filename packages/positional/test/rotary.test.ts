import { attend, splitHeads } from '@formers/backend';
import {
  concat,
  matMul,
  norm,
  slice,
  type Tensor,
  tensor2d,
  type Tensor3D,
  tensor4d,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectGradients,
  expectOwned,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { RotaryPositions, type RotaryPositionsConfig, type RotaryScaling } from '../src/index.ts';

useEngineForTests();

/** [batch, heads, seq, headDim] */
const heads = (...shape: [number, number, number, number]): Tensor4D => randomTensor<Tensor4D>(shape);

/** Su et al. 2021, equation 34, in Float64. */
function turnedByFormula(
  x: Tensor4D,
  { rotaryDim = x.shape[3], theta = 10_000, interleaved = false }: RotaryPositionsConfig,
  positionOf: (row: number, token: number) => number,
): number[] {
  const [, headCount, seq, headDim] = x.shape;
  const values = valuesOf(x);
  const turned = [...values];
  for (let start = 0; start < values.length; start += headDim) {
    const token = (start / headDim) % seq;
    const row = Math.floor(start / (headDim * seq * headCount));
    for (let i = 0; i < rotaryDim / 2; i++) {
      const angle = positionOf(row, token) * theta ** ((-2 * i) / rotaryDim);
      const [first, second] = interleaved ? [start + 2 * i, start + 2 * i + 1] : [start + i, start + i + rotaryDim / 2];
      turned[first] = values[first]! * Math.cos(angle) - values[second]! * Math.sin(angle);
      turned[second] = values[second]! * Math.cos(angle) + values[first]! * Math.sin(angle);
    }
  }
  return turned;
}

test('by hand: one pair, one radian per position', () => {
  const rotary = new RotaryPositions({ headDim: 2 });
  const x = tensor4d([1, 0, 1, 0, 0, 1], [1, 1, 3, 2]);
  const [cos, sin] = [Math.cos, Math.sin];
  expectClose(rotary.rotate(x), [1, 0, cos(1), sin(1), -sin(2), cos(2)]);
  expectClose(rotary.rotate(x, { offset: 5 }), [cos(5), sin(5), cos(6), sin(6), -sin(7), cos(7)]);
});

test.each<RotaryPositionsConfig>([
  { headDim: 8 },
  { headDim: 8, interleaved: true },
  { headDim: 8, rotaryDim: 4, theta: 500 },
  { headDim: 10, rotaryDim: 6, interleaved: true },
])('by the formula: %o', (config) => {
  const rotary = new RotaryPositions(config);
  const x = heads(2, 3, 5, config.headDim);
  expectClose(
    rotary.rotate(x, { offset: 3 }),
    turnedByFormula(x, config, (_, token) => 3 + token),
    { atol: 3e-6 },
  );
  const positions = [
    [0, 0, 1, 2, 3],
    [9, 8, 7, 6, 20],
  ];
  const positionIds = tensor2d(positions, [2, 5], 'int32');
  const expected = turnedByFormula(x, config, (row, token) => positions[row]![token]!);
  expectClose(rotary.rotate(x, { positionIds }), expected, { atol: 3e-6 });
  const oneRow = slice(positionIds, [1, 0], [1, 5]);
  const same = turnedByFormula(x, config, (_, token) => positions[1]![token]!);
  expectClose(rotary.rotate(x, { positionIds: oneRow }), same, { atol: 3e-6 });
  expectOwned(() => rotary.rotate(x, { positionIds }));
  expectOwned(() => rotary.rotate(x));
});

test('an odd width takes one number more for its last pair', () => {
  const rotary = new RotaryPositions({ headDim: 6, rotaryDim: 3 });
  const { cos } = rotary.angles(2);
  expect(cos.shape).toEqual([1, 2, 2]);
  expectClose(cos, [1, 1, Math.cos(1), Math.cos(10_000 ** (-2 / 3))]);
});

describe('properties', () => {
  const config = fc.record({
    pairs: fc.integer({ min: 2, max: 6 }),
    interleaved: fc.boolean(),
    theta: fc.integer({ min: 10, max: 100_000 }),
  });

  test('the norm stays', () => {
    fc.assert(
      fc.property(config, fc.nat(500), ({ pairs, ...rest }, offset) => {
        const x = heads(1, 2, 3, 2 * pairs);
        const turned = new RotaryPositions({ headDim: 2 * pairs, ...rest }).rotate(x, { offset });
        expectClose(norm(turned, 2, 3), norm(x, 2, 3), { rtol: 2e-6 });
      }),
      { numRuns: 20 },
    );
  });

  test('a score depends on the distance alone', () => {
    fc.assert(
      fc.property(config, fc.nat(40), fc.nat(300), ({ pairs, ...rest }, distance, shift) => {
        const rotary = new RotaryPositions({ headDim: 2 * pairs, ...rest });
        const [q, k] = [heads(1, 1, 1, 2 * pairs), randomTensor<Tensor4D>([1, 1, 1, 2 * pairs], { seed: 7 })];
        const score = (offset: number): Tensor =>
          matMul(rotary.rotate(q, { offset: offset + distance }), rotary.rotate(k, { offset }), false, true);
        expectClose(score(shift), score(0), { rtol: 0, atol: 2e-4 });
      }),
      { numRuns: 20 },
    );
  });
});

test('with a cache: a text turned in two parts is the same as at once', () => {
  const rotary = new RotaryPositions({ headDim: 8 });
  const x = heads(2, 2, 7, 8);
  const parts = [
    rotary.rotate(slice(x, [0, 0, 0, 0], [2, 2, 4, 8])),
    rotary.rotate(slice(x, [0, 0, 4, 0], [2, 2, 3, 8]), { offset: 4 }),
  ];
  expectSameBits(concat(parts, 2), rotary.rotate(x));
});

test('attention over turned heads follows the order of the keys, and moving the whole text changes nothing', () => {
  const rotary = new RotaryPositions({ headDim: 4 });
  const [q, k, v] = [1, 2, 3].map((seed) => splitHeads(randomTensor<Tensor3D>([1, 6, 8], { seed }), 2)) as [
    Tensor4D,
    Tensor4D,
    Tensor4D,
  ];
  const y = (offset: number): Tensor4D => attend(rotary.rotate(q, { offset }), rotary.rotate(k, { offset }), v);
  expectClose(y(90), y(0), { atol: 1e-4 });
  const plain = valuesOf(attend(q, k, v));
  expect(Math.max(...valuesOf(y(0)).map((value, i) => Math.abs(value - plain[i]!)))).toBeGreaterThan(0.05);
});

test.each([false, true])('gradients: interleaved %s', (interleaved) => {
  const rotary = new RotaryPositions({ headDim: 6, rotaryDim: 4, interleaved });
  const positionIds = tensor2d([[5, 0, 2]], [1, 3], 'int32');
  expectGradients((x: Tensor4D) => rotary.rotate(x, { offset: 2 }), [heads(2, 2, 3, 6)]);
  expectGradients((x: Tensor4D) => rotary.rotate(x, { positionIds }), [heads(2, 2, 3, 6)]);
});

test('scalings that depend on the length go by the largest position, or by what they are told', () => {
  const scaling: RotaryScaling = { type: 'dynamic', factor: 2, originalContextLength: 10 };
  const [plain, dynamic] = [new RotaryPositions({ headDim: 8 }), new RotaryPositions({ headDim: 8, scaling })];
  const x = heads(1, 1, 3, 8);
  expectSameBits(dynamic.rotate(x, { offset: 7 }), plain.rotate(x, { offset: 7 })); // up to position 9
  const stretched = new RotaryPositions({ headDim: 8, theta: 10_000 * ((2 * 14) / 10 - 1) ** (8 / 6) });
  const expected = valuesOf(stretched.rotate(x, { offset: 11 })); // up to position 13
  expectClose(dynamic.rotate(x, { offset: 11 }), expected, { atol: 1e-5 });
  const positionIds = tensor2d([[11, 12, 13]], [1, 3], 'int32');
  expectClose(dynamic.rotate(x, { positionIds }), expected, { atol: 1e-5 });
  const early = stretched.rotate(x);
  expectClose(dynamic.rotate(x, { length: 14 }), early, { atol: 1e-5 });
  expectSameBits(dynamic.rotate(x), plain.rotate(x)); // nothing is left of the longer text
});

describe('errors', () => {
  test.each<[RotaryPositionsConfig, string]>([
    [{ headDim: 0 }, 'headDim must be a whole number over 0, got 0'],
    [{ headDim: 7 }, 'rotaryDim must be pairs within the 7 numbers of a head, got 7'],
    [{ headDim: 8, rotaryDim: 10 }, 'rotaryDim must be pairs within the 8 numbers of a head, got 10'],
    [{ headDim: 8, theta: -1 }, 'theta must be over 0, got -1'],
    [{ headDim: 8, scaling: { type: 'linear', factor: 0 } }, 'scaling.factor must be over 0, got 0'],
    [
      { headDim: 2, scaling: { type: 'dynamic', factor: 2, originalContextLength: 8 } },
      'scaling.type dynamic takes at least 2 pairs, got 1',
    ],
    [
      {
        headDim: 4,
        scaling: { type: 'llama3', factor: 8, lowFrequencyFactor: 4, highFrequencyFactor: 4, originalContextLength: 8 },
      },
      'scaling.highFrequencyFactor must be over lowFrequencyFactor, got 4 and 4',
    ],
    [
      {
        headDim: 4,
        scaling: { type: 'longrope', factor: 2, originalContextLength: 8, shortFactors: [1, 1], longFactors: [1] },
      },
      'scaling.longFactors must have 2 factors, one per pair, got 1',
    ],
    [
      { headDim: 5, rotaryDim: 2, scaling: { type: 'proportional' } },
      'headDim must be even with scaling.type proportional, got 5',
    ],
  ])('%o', async (config, message) => {
    await expectError(() => new RotaryPositions(config), { code: 'config', message: `RotaryPositions: ${message}` });
  });

  test('shapes', async () => {
    const rotary = new RotaryPositions({ headDim: 4 });
    const [x, good, positionIds] = [heads(1, 1, 2, 6), heads(1, 1, 2, 4), tensor2d([[0]], [1, 1], 'int32')];
    await expectError(() => rotary.rotate(x), {
      code: 'shape',
      message: 'RotaryPositions.rotate: x must be [batch, heads, seq, 4], got [1, 1, 2, 6]',
    });
    await expectError(() => rotary.rotate(good, { positionIds }), {
      code: 'shape',
      message: 'RotaryPositions: positionIds must be [batch or 1, 2], got [1, 1]',
    });
  });
});
