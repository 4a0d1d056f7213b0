import { type Tensor, tensor1d, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  expectClose,
  expectGradients,
  expectOwned,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { binaryCrossEntropy, classificationLoss, meanSquaredError } from '../src/index.ts';

useEngineForTests();

test('meanSquaredError', () => {
  const [predictions, targets] = [
    tensor2d([
      [1, 2],
      [3, 4],
    ]),
    tensor2d([
      [1, 0],
      [0, 4],
    ]),
  ];
  expectClose(meanSquaredError(predictions, targets), (4 + 9) / 4);
  expectOwned(() => meanSquaredError(predictions, targets));
  expectGradients((x: Tensor) => meanSquaredError(x, targets), [randomTensor([2, 2])]);
});

test('binaryCrossEntropy: PyTorch`s number, large logits included', () => {
  const [logits, targets] = [
    tensor2d([
      [1, -2],
      [50, -60],
    ]),
    tensor2d([
      [1, 0],
      [0, 1],
    ]),
  ];
  expectClose(binaryCrossEntropy(logits, targets), 27.61004742);
  expect(Number.isFinite(valuesOf(binaryCrossEntropy(tensor1d([1e4, -1e4]), tensor1d([0, 1])))[0])).toBe(true);
  expectOwned(() => binaryCrossEntropy(logits, targets));
});

test('binaryCrossEntropy agrees with its definition, also for soft targets; gradients', () => {
  const [logits, targets] = [randomTensor([10]), tensor1d([0, 1, 0.5, 0.1, 0.9, 1, 0, 1, 0.3, 0.7])];
  const expected = valuesOf(logits).map((x, i) => {
    const [p, t] = [1 / (1 + Math.exp(-x)), valuesOf(targets)[i]!];
    return -(t * Math.log(p) + (1 - t) * Math.log(1 - p));
  });
  expectClose(binaryCrossEntropy(logits, targets), expected.reduce((sum, loss) => sum + loss, 0) / 10);
  expectGradients((x: Tensor) => binaryCrossEntropy(x, targets), [logits]);
});

test('classificationLoss by problem type', () => {
  const logits = tensor2d([
    [0, Math.log(3)],
    [0, 0],
  ]);
  const single = classificationLoss(logits, {
    labels: tensor1d([1, 0], 'int32'),
    problemType: 'single_label_classification',
  });
  expectClose(single, (-Math.log(0.75) - Math.log(0.5)) / 2);
  const multi = classificationLoss(logits, {
    labels: tensor2d([
      [1, 1],
      [0, 1],
    ]),
    problemType: 'multi_label_classification',
  });
  expectClose(multi, (Math.log(2) - Math.log(0.75) + 2 * Math.log(2)) / 4);
  const scores = tensor2d([[1], [3]]) as Tensor2D;
  expectClose(classificationLoss(scores, { labels: tensor1d([0, 1]), problemType: 'regression' }), 2.5);
  expectClose(
    classificationLoss(logits, {
      labels: tensor2d([
        [0, 0],
        [1, 1],
      ]),
      problemType: 'regression',
    }),
    (Math.log(3) ** 2 + 2) / 4,
  );
});
