import { concat, mul, reshape, slice, sum, type Tensor, type Tensor3D } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectGradients,
  expectOwned,
  expectSameBits,
  fixture,
  hasFixtures,
  randomTensor,
  readGoldens,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { type GridSize, interpolatePositions, interpolationWeights } from '../src/index.ts';

useEngineForTests();

/** Keys' kernel with a = -3/4, as fractions worked out by hand, at 1/4, 3/4, 5/4 and 7/4. */
const [QUARTER, THREE_QUARTERS, FIVE_QUARTERS, SEVEN_QUARTERS] = [225 / 256, 67 / 256, -27 / 256, -9 / 256];

describe('interpolationWeights by hand', () => {
  test('two to four: new places lie at -1/4, 1/4, 3/4 and 5/4; what is beyond the edge counts for the edge', () => {
    const near = QUARTER + FIVE_QUARTERS; // of place 0 at 1/4: itself and the repeated edge at -1
    const edge = SEVEN_QUARTERS + THREE_QUARTERS + QUARTER; // at -1/4: taps -2, -1 and 0
    expectClose(interpolationWeights({ from: 2, to: 4 }), [
      ...[edge, FIVE_QUARTERS],
      ...[near, THREE_QUARTERS + SEVEN_QUARTERS],
      ...[THREE_QUARTERS + SEVEN_QUARTERS, near],
      ...[FIVE_QUARTERS, edge],
    ]);
  });

  test('four to two: halfway between two places, without smoothing', () => {
    const [half, beyond] = [19 / 32, -3 / 32]; // at distances 1/2 and 3/2
    expectClose(interpolationWeights({ from: 4, to: 2 }), [
      half + beyond,
      half,
      beyond,
      0,
      0,
      beyond,
      half,
      half + beyond,
    ]);
  });

  test.each([
    [1, 5],
    [4, 6],
    [7, 3],
    [14, 24],
    [24, 14],
  ])('%i to %i: the weights of a new place sum to 1, and mirror', (from, to) => {
    const weights = interpolationWeights({ from: from, to: to });
    for (let place = 0; place < to; place++)
      expectClose(
        weights.slice(place * from, (place + 1) * from).reduce((total, weight) => total + weight, 0),
        1,
      );
    expectClose(weights.toReversed(), weights);
  });

  test('bilinear: two neighbours by nearness, the edge repeated', () => {
    const found = interpolationWeights({ from: 2, to: 4 }, { mode: 'bilinear' });
    expectClose(found, [1, 0, 0.75, 0.25, 0.25, 0.75, 0, 1]);
  });

  test('bilinear with antialias: halving weighs four places by a triangle twice as wide, cut off and summing to 1', () => {
    const found = interpolationWeights({ from: 4, to: 2 }, { mode: 'bilinear', antialias: true });
    expectClose(found, [3 / 7, 3 / 7, 1 / 7, 0, 0, 1 / 7, 3 / 7, 3 / 7]);
  });

  test('antialias widens only where the grid shrinks; what is beyond the edge is cut off', () => {
    const [near, edge] = [0.8671875, -0.0703125]; // Keys' kernel with a = -1/2 at 1/4 and 5/4
    const far = 0.2265625; // at 3/4
    const found = interpolationWeights({ from: 2, to: 4 }, { antialias: true });
    const row = (...weights: number[]): number[] => weights.map((weight) => weight / (weights[0]! + weights[1]!));
    expectClose(found, [...row(near, edge), ...row(near, far), ...row(far, near), ...row(edge, near)]);
  });

  test.each([true, false])('the same size is the identity: antialias %s', (antialias) => {
    expectSameBits(
      interpolationWeights({ from: 3, to: 3 }, { antialias }).map((weight) => weight + 0),
      [1, 0, 0, 0, 1, 0, 0, 0, 1],
    );
  });
});

describe('interpolatePositions', () => {
  test('a grid of the same size comes back with the same bits, and as a tensor of its own', () => {
    const positions = randomTensor<Tensor3D>([1, 6, 4]);
    expectSameBits(interpolatePositions(positions, { from: [2, 3], to: [2, 3] }), positions);
    expectOwned(() => interpolatePositions(positions, { from: [2, 3], to: [2, 3] }));
    expectOwned(() => interpolatePositions(positions, { from: [2, 3], to: [4, 2] }));
  });

  test('rows and columns are told apart: each new position is the weighted sum over the old grid', () => {
    const [rows, columns, newRows, newColumns, dim] = [2, 3, 4, 5, 3];
    const positions = randomTensor<Tensor3D>([1, rows * columns, dim]);
    const [old, vertical, horizontal] = [
      valuesOf(positions),
      interpolationWeights({ from: rows, to: newRows }),
      interpolationWeights({ from: columns, to: newColumns }),
    ];
    const expected: number[] = [];
    for (let row = 0; row < newRows; row++)
      for (let column = 0; column < newColumns; column++)
        for (let feature = 0; feature < dim; feature++) {
          let total = 0;
          for (let i = 0; i < rows; i++)
            for (let j = 0; j < columns; j++)
              total +=
                vertical[row * rows + i]! * horizontal[column * columns + j]! * old[(i * columns + j) * dim + feature]!;
          expected.push(total);
        }
    const found = interpolatePositions(positions, { from: [rows, columns], to: [newRows, newColumns] });
    expect(found.shape).toEqual([1, newRows * newColumns, dim]);
    expectClose(found, expected);
  });

  test('one direction by hand', () => {
    const positions = reshape(randomTensor([2]), [1, 2, 1]) as Tensor3D;
    const [a, b] = valuesOf(positions) as [number, number];
    const edge = QUARTER + THREE_QUARTERS + SEVEN_QUARTERS;
    const near = QUARTER + FIVE_QUARTERS;
    const expected = [
      edge * a + (1 - edge) * b,
      near * a + (1 - near) * b,
      near * b + (1 - near) * a,
      edge * b + (1 - edge) * a,
    ];
    expectClose(interpolatePositions(positions, { from: [1, 2], to: [1, 4] }), expected);
    expectClose(interpolatePositions(positions, { from: [2, 1], to: [4, 1] }), expected);
  });

  test('gradients', () => {
    const weights = randomTensor([1, 20, 2], { seed: 3 });
    expectGradients(
      (positions: Tensor3D) => sum(mul(interpolatePositions(positions, { from: [2, 3], to: [5, 4] }), weights)),
      [randomTensor<Tensor3D>([1, 6, 2])],
    );
  });
});

describe.skipIf(!hasFixtures())('the known answers of ../shared/fixtures/positional: interpolate', () => {
  test.each<GridSize>([
    [6, 4],
    [8, 8],
    [3, 3],
    [5, 7],
  ])('4x4 to %ix%i', async (rows, columns) => {
    const goldens = await readGoldens(fixture('positional', 'positional.safetensors'));
    const table = goldens.get('interpolate.position_embeddings')! as Tensor3D;
    const patches = slice(table, [0, 1, 0], [1, 16, -1]);
    const found = interpolatePositions(patches, { from: [4, 4], to: [rows, columns] });
    const whole = concat([slice(table, [0, 0, 0], [1, 1, -1]) as Tensor, found as Tensor], 1);
    const name = `interpolate.${rows}x${columns}`;
    expectClose(whole, goldens.get(name)!, { rtol: 1e-5, atol: 2e-6 });
    const bilinear = interpolatePositions(patches, { from: [4, 4], to: [rows, columns], mode: 'bilinear' });
    expectClose(bilinear, goldens.get(`${name}.bilinear`)!, { rtol: 1e-5, atol: 2e-6 });
    const antialiased = interpolatePositions(patches, { from: [4, 4], to: [rows, columns], antialias: true });
    expectClose(antialiased, goldens.get(`${name}.antialias`)!, { rtol: 1e-5, atol: 2e-6 });
  });
});
