import { valueAndGradients } from '@formers/backend';
import { concat, reshape, slice, tanh, tensor1d, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectOwned, expectSameBits, useEngineForTests, valuesOf } from '../../testing/src/index.ts';
import {
  BART_PRESETS,
  BARTForQuestionAnswering,
  BARTForSequenceClassification,
  type BARTOptions,
} from '../src/index.ts';

useEngineForTests();

const SMALL: BARTOptions = { vocabSize: 40, ...BART_PRESETS.testing, initStd: 0.3, labels: ['a', 'b', 'c'] };
const rows = (values: number[][]): Tensor2D => tensor2d(values, undefined, 'int32');
const logSoftmax = (row: number[]): number[] => {
  const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
  return row.map((logit) => logit - total);
};

describe('the sequence classifier', () => {
  test('reads the decoder`s state of the last end token, after it was given the source moved right', () => {
    using model = new BARTForSequenceClassification(SMALL);
    const ids = rows([
      [5, 2, 7, 2, 9],
      [5, 6, 7, 8, 2],
    ]);
    const decoderIds = rows([
      [2, 5, 2, 7, 2],
      [2, 5, 6, 7, 8],
    ]);
    const states = model.model.call(ids, { decoderIds });
    const expected = [3, 4].map((place, row) => {
      const state = reshape(slice(states, [row, place, 0], [1, 1, -1]), [1, 32]) as Tensor2D;
      return model.head.call(tanh(model.dense.call(state)));
    });
    expectClose(model.call(ids), concat(expected, 0), { atol: 1e-5 });
    expectSameBits(model.call(ids, { decoderIds }), model.call(ids));
  });

  test('its loss is the cross-entropy, and reaches every parameter', () => {
    using model = new BARTForSequenceClassification(SMALL);
    const [ids, labels] = [rows([[5, 6, 7, 8, 2]]), tensor1d([2], 'int32')];
    const expected = -logSoftmax(valuesOf(model.call(ids)))[2]!;
    const { value, gradients } = valueAndGradients(() => model.loss(ids, { labels }), model.parameters());
    expectClose(value, expected);
    for (const gradient of gradients) expect(Math.hypot(...valuesOf(gradient))).toBeGreaterThan(0);
    expectOwned(() => model.loss(ids, { labels }));
    expectOwned(() => model.call(ids));
  });
});

describe('the question answerer', () => {
  test('has a logit of start and one of end for each place', () => {
    using model = new BARTForQuestionAnswering(SMALL);
    const ids = rows([[5, 6, 7, 1]]);
    const { startLogits, endLogits } = model.call(ids);
    const both = model.head.call(model.model.call(ids, { decoderIds: rows([[2, 5, 6, 7]]) }));
    expectClose(startLogits, valuesOf(slice(both, [0, 0, 0], [1, 4, 1])), { atol: 1e-6 });
    expectClose(endLogits, valuesOf(slice(both, [0, 0, 1], [1, 4, 1])), { atol: 1e-6 });
    expectOwned(() => model.call(ids));
  });

  test('its loss is the mean of both; places beyond the source do not count', () => {
    using model = new BARTForQuestionAnswering(SMALL);
    const ids = rows([
      [5, 6, 7, 1],
      [8, 9, 9, 1],
    ]);
    const { startLogits, endLogits } = model.call(ids);
    const [starts, ends] = [valuesOf(startLogits), valuesOf(endLogits)].map((values) => [
      logSoftmax(values.slice(0, 4)),
      logSoftmax(values.slice(4)),
    ]);
    const found = model.loss(ids, { starts: tensor1d([1, 4], 'int32'), ends: tensor1d([2, 0], 'int32') });
    expectClose(found, -(starts![0]![1]! + (ends![0]![2]! + ends![1]![0]!) / 2) / 2);
  });
});
