import { classificationLoss } from '@formers/nn';
import { valueAndGradients } from '@formers/backend';
import { concat, reshape, slice, tensor1d, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectOwned,
  randomIds,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { GPT_PRESETS, GPTForSequenceClassification, type GPTOptions } from '../src/index.ts';

useEngineForTests();

const SMALL: GPTOptions = {
  vocabSize: 40,
  ...GPT_PRESETS.testing,
  initStd: 0.3,
  labels: ['a', 'b', 'c'],
  padTokenId: 0,
};
const rows = (values: number[][]): Tensor2D => tensor2d(values, [values.length, values[0]!.length], 'int32');

test('reads the last token that is not padding, wherever the padding is', () => {
  using model = new GPTForSequenceClassification(SMALL);
  const ids = rows([
    [5, 6, 7, 0, 0],
    [5, 0, 7, 8, 9],
    [0, 0, 0, 0, 4],
  ]);
  const hidden = model.decoder.call(ids);
  const expected = [2, 4, 4].map((position, row) =>
    model.head.call(reshape(slice(hidden, [row, position, 0], [1, 1, -1]), [1, -1])),
  );
  expect(model.call(ids).shape).toEqual([3, 3]);
  expectClose(model.call(ids), concat(expected, 0), { atol: 1e-5 });
});

test('a row of padding alone gives its first place', () => {
  using model = new GPTForSequenceClassification(SMALL);
  const ids = rows([[0, 0, 0]]);
  expectClose(
    model.call(ids),
    model.head.call(reshape(slice(model.decoder.call(ids), [0, 0, 0], [1, 1, -1]), [1, -1])),
    { atol: 1e-5 },
  );
});

test('a sequence of one token', () => {
  using model = new GPTForSequenceClassification(SMALL);
  expectClose(model.call(rows([[5], [7]])), concat([model.call(rows([[5]])), model.call(rows([[7]]))], 0), {
    atol: 1e-5,
  });
});

test('padding on the right changes nothing', () => {
  using model = new GPTForSequenceClassification(SMALL);
  const padded = model.call(rows([[5, 6, 7, 0, 0]]), { attentionMask: rows([[1, 1, 1, 0, 0]]) });
  expectClose(padded, model.call(rows([[5, 6, 7]])), { atol: 1e-5 });
});

test('without a padding token it takes the last one, and one sequence at a time', async () => {
  const { padTokenId: _, ...rest } = SMALL;
  using model = new GPTForSequenceClassification(rest);
  const [one, two] = [
    rows([[5, 6, 0]]),
    rows([
      [5, 6],
      [7, 8],
    ]),
  ];
  expectClose(
    model.call(one),
    model.head.call(reshape(slice(model.decoder.call(one), [0, 2, 0], [1, 1, -1]), [1, -1])),
    { atol: 1e-5 },
  );
  await expectError(() => model.call(two), {
    code: 'config',
    message: 'padTokenId must be set to classify more than one sequence at once',
  });
});

test('every parameter has a gradient; later tokens than the chosen one have none', () => {
  using model = new GPTForSequenceClassification(SMALL);
  const ids = rows([[5, 6, 0, 0]]);
  const loss = (): ReturnType<typeof classificationLoss> =>
    classificationLoss(model.call(ids), { labels: tensor1d([1], 'int32'), problemType: 'single_label_classification' });
  const { gradients } = valueAndGradients(loss, model.parameters());
  const norms = gradients.map((gradient) => Math.hypot(...valuesOf(gradient)));
  expect(norms.every((norm) => norm > 0)).toBe(true);
  const positions = valuesOf(gradients[1]!);
  expect(positions.slice(2 * 32).every((value) => value === 0)).toBe(true);
  expect(positions.slice(0, 2 * 32).some((value) => value !== 0)).toBe(true);
});

test('owns its output', () => {
  using model = new GPTForSequenceClassification(SMALL);
  const ids = randomIds<Tensor2D>([2, 4], { bound: 40 });
  expectOwned(() => model.call(ids));
});
