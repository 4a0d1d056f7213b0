import fc from 'fast-check';
import { add, reshape, type Tensor, tensor1d, type Tensor2D, tensor2d, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectGradients,
  expectOwned,
  expectSameBits,
  randomIds,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../../testing/src/index.ts';
import {
  crossEntropy,
  type CrossEntropyOptions,
  linear,
  linearCrossEntropy,
  valueAndGradients,
} from '../../src/index.ts';

useEngineForTests();

/** In float64, straight from the definition. */
function reference(
  logits: number[][],
  labels: number[],
  { ignoreIndex = -100, labelSmoothing = 0, reduction = 'mean' }: CrossEntropyOptions,
): number {
  let [total, count] = [0, 0];
  logits.forEach((row, i) => {
    if (labels[i] === ignoreIndex) return;
    const highest = Math.max(...row);
    const logSum = highest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
    row.forEach((logit, c) => {
      const target = (c === labels[i] ? 1 - labelSmoothing : 0) + labelSmoothing / row.length;
      total += target * (logSum - logit);
    });
    count++;
  });
  return reduction === 'sum' ? total : total / Math.max(1, count);
}

describe('PyTorch`s numbers, with one label ignored', () => {
  const logits = (): Tensor2D =>
    tensor2d([
      [1, 2, -1, 0.5],
      [0, 0, 3, -2],
      [-1, 4, 0, 1],
    ]);
  const labels = (): Tensor => tensor1d([1, -100, 3], 'int32');

  test.each<[CrossEntropyOptions, number, number[]]>([
    [
      {},
      1.78367716,
      [0.11210391, -0.19526998, 0.01517161, 0.06799446, 0, 0, 0, 0, 0.00313439, 0.46518523, 0.00852016, -0.47683979],
    ],
    [
      { reduction: 'sum' },
      3.56735432,
      [0.22420782, -0.39053996, 0.03034323, 0.13598892, 0, 0, 0, 0, 0.00626879, 0.93037047, 0.01704033, -0.95367958],
    ],
    [
      { labelSmoothing: 0.1 },
      1.85242716,
      [0.09960391, -0.15776998, 0.00267161, 0.05549446, 0, 0, 0, 0, -0.00936561, 0.45268523, -0.00397984, -0.43933979],
    ],
    [
      { labelSmoothing: 0.1, reduction: 'sum' },
      3.70485432,
      [0.19920782, -0.31553996, 0.00534323, 0.11098892, 0, 0, 0, 0, -0.01873121, 0.90537047, -0.00795967, -0.87867958],
    ],
  ])('%o', (options, loss, gradient) => {
    const input = logits();
    const { value, gradients } = valueAndGradients(() => crossEntropy(input, labels(), options), [input]);
    expectClose(value, loss);
    expectClose(gradients[0]!, gradient);
  });

  test('another ignored index', () => {
    expectClose(
      crossEntropy(logits(), tensor1d([1, 2, 3], 'int32'), { ignoreIndex: 2, labelSmoothing: 0.3 }),
      1.98992716,
    );
  });
});

test('agrees with its definition in float64', () => {
  const options = fc.record({
    ignoreIndex: fc.constantFrom(-100, 0, 1),
    labelSmoothing: fc.constantFrom(0, 0.1, 0.9),
    reduction: fc.constantFrom('mean' as const, 'sum' as const),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(100),
      options,
      (rows, classes, seed, chosen) => {
        const logits = randomTensor<Tensor2D>([rows, classes], { seed, std: 3 });
        const labels = randomIds([rows], { bound: classes, seed });
        const values = valuesOf(logits);
        const expected = reference(
          Array.from({ length: rows }, (_, i) => values.slice(i * classes, (i + 1) * classes)),
          valuesOf(labels),
          chosen,
        );
        expectClose(crossEntropy(logits, labels, chosen), expected, { rtol: 1e-5, atol: 1e-5 });
      },
    ),
    { numRuns: 100 },
  );
});

test('uniform logits cost ln(classes), with and without smoothing', () => {
  for (const labelSmoothing of [0, 0.1]) {
    expectClose(crossEntropy(zeros([3, 50]), randomIds([3], { bound: 50 }), { labelSmoothing }), Math.log(50));
  }
});

test('the loss does not see a shift of the logits, and stays finite at +-1e4', () => {
  const [logits, labels] = [randomTensor<Tensor2D>([4, 8]), randomIds([4], { bound: 8 })];
  expectClose(crossEntropy(add(logits, 100), labels), crossEntropy(logits, labels), { rtol: 1e-4 });
  const extreme = tensor2d([
    [1e4, -1e4, 0],
    [-1e4, 1e4, 0],
  ]);
  const { value, gradients } = valueAndGradients(() => crossEntropy(extreme, tensor1d([0, 0], 'int32')), [extreme]);
  expectClose(value, 1e4);
  expectClose(gradients[0]!, [0, 0, 0, -0.5, 0.5, 0]);
});

test('impossible classes, as masks of logits make them', () => {
  const logits = tensor2d([[0, -Infinity, 0]]);
  const { value, gradients } = valueAndGradients(() => crossEntropy(logits, tensor1d([0], 'int32')), [logits]);
  expectClose(value, Math.log(2));
  expectClose(gradients[0]!, [-0.5, 0, 0.5]);
  expectClose(crossEntropy(logits, tensor1d([1], 'int32')), Infinity);
});

test('rows that do not count may hold anything', () => {
  const logits = tensor2d([
    [0, 1],
    [Infinity, NaN],
  ]);
  expectClose(crossEntropy(logits, tensor1d([1, -100], 'int32')), Math.log(1 + Math.exp(-1)));
});

test('nothing counts: zero, and zero gradients', () => {
  const logits = randomTensor<Tensor2D>([2, 3]);
  const { value, gradients } = valueAndGradients(() => crossEntropy(logits, tensor1d([-100, -100], 'int32')), [logits]);
  expect(valuesOf(value).map(Math.abs)).toEqual([0]);
  expect(valuesOf(gradients[0]!).map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
});

test('labels of any rank', () => {
  const [logits, labels] = [randomTensor([2, 3, 5]), randomIds([2, 3], { bound: 5 })];
  expectSameBits(crossEntropy(logits, labels), crossEntropy(reshape(logits, [6, 5]), reshape(labels, [6])));
});

describe('linearCrossEntropy', () => {
  const inputs = (): [Tensor, Tensor2D] => [randomTensor([2, 3, 4]), randomTensor<Tensor2D>([7, 4], { seed: 1 })];
  const labels = (): Tensor =>
    tensor2d(
      [
        [0, 6, -100],
        [3, 3, 1],
      ],
      [2, 3],
      'int32',
    );

  test.each<CrossEntropyOptions>([{}, { labelSmoothing: 0.2 }, { reduction: 'sum' }, { ignoreIndex: 3 }])(
    'is the loss of the projection: %o',
    (options) => {
      const [x, weight] = inputs();
      const target = options.ignoreIndex === undefined ? labels() : randomIds([2, 3], { bound: 7 });
      const fused = valueAndGradients(() => linearCrossEntropy(x, weight, { labels: target, ...options }), [x, weight]);
      const apart = valueAndGradients(() => crossEntropy(linear(x, weight), target, options), [x, weight]);
      expectClose(fused.value, apart.value);
      fused.gradients.forEach((gradient, i) => expectClose(gradient, apart.gradients[i]!));
    },
  );

  test('gradients', () => {
    const target = labels();
    expectGradients(
      (...[x, weight]: [Tensor, Tensor2D]) => linearCrossEntropy(x, weight, { labels: target, labelSmoothing: 0.1 }),
      inputs(),
    );
  });
});

test('gradients', () => {
  const labels = tensor1d([1, -100, 3], 'int32');
  expectGradients(
    (logits: Tensor2D) => crossEntropy(logits, labels, { labelSmoothing: 0.1, reduction: 'sum' }),
    [randomTensor<Tensor2D>([3, 4])],
  );
});

test('own their output', () => {
  const [logits, labels] = [randomTensor([2, 3, 5]), randomIds([2, 3], { bound: 5 })];
  const [x, weight] = [randomTensor([2, 3, 4]), randomTensor<Tensor2D>([5, 4])];
  expectOwned(() => crossEntropy(logits, labels));
  expectOwned(() => linearCrossEntropy(x, weight, { labels }));
});

test('wrong shapes are told', async () => {
  const [logits, labels, weight] = [
    randomTensor([2, 3, 5]),
    randomIds([2, 4], { bound: 5 }),
    randomTensor<Tensor2D>([7, 4]),
  ];
  await expectError(() => crossEntropy(logits, labels), {
    code: 'shape',
    message: 'crossEntropy: labels must be [2, 3], got [2, 4]',
  });
  await expectError(() => linearCrossEntropy(logits, weight, { labels }), {
    code: 'shape',
    message: 'linearCrossEntropy: x must be [2, 3, 4], got [2, 3, 5]',
  });
  const x = randomTensor([2, 3, 4]);
  await expectError(() => linearCrossEntropy(x, weight, { labels }), {
    code: 'shape',
    message: 'linearCrossEntropy: labels must be [2, 3], got [2, 4]',
  });
});
