import { capture, valueAndGradients, withDropout } from '@formers/backend';
import {
  dispose,
  ones,
  slice,
  sum,
  type Tensor,
  tensor1d,
  type Tensor1D,
  type Tensor2D,
  tensor2d,
  tensor3d,
  zeros,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectOwned,
  expectSameBits,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import {
  BERT_PRESETS,
  BertForMultipleChoice,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertModel,
  DISTILBERT_PRESETS,
  DistilBertModel,
  ROBERTA_PRESETS,
  RobertaForSequenceClassification,
  RobertaModel,
} from '../src/index.ts';

useEngineForTests();

const plain = { vocabSize: 30, dropout: 0, attentionDropout: 0, initStd: 0.3 };
const idsOf = (rows: number[][]): Tensor2D => tensor2d(rows, [rows.length, rows[0]!.length], 'int32');
const ids = (): Tensor2D =>
  idsOf([
    [5, 6, 7, 8, 9],
    [9, 8, 7, 6, 5],
  ]);
const rowOf = (x: Tensor, row: number): number[] => valuesOf(slice(x as Tensor2D, [row, 0], [1, -1]));

describe('segments', () => {
  test('are all the first by default, and their embedding is added to each token', () => {
    using model = new BertModel({ ...BERT_PRESETS.testing, ...plain }, { seed: 1 });
    const first = zeros([2, 5], 'int32') as Tensor2D;
    expectClose(model.call(ids(), { tokenTypeIds: first }).hidden, model.call(ids()).hidden);
    const second = model.call(ids(), { tokenTypeIds: ones([2, 5], 'int32') }).hidden;
    expect(valuesOf(second)).not.toEqual(valuesOf(model.call(ids()).hidden));
    const { tokenTypes } = model.encoder;
    tokenTypes.weight.assign(
      tensor2d([...rowOf(tokenTypes.weight, 1), ...rowOf(tokenTypes.weight, 1)], tokenTypes.weight.shape),
    );
    expectClose(model.call(ids()).hidden, second); // the second's embedding as the first's
  });

  test('have the gradient of their tokens alone', () => {
    using model = new BertModel({ ...BERT_PRESETS.testing, ...plain }, { seed: 1 });
    const { weight } = model.encoder.tokenTypes;
    const gradientOf = (types: number[][]): Tensor =>
      valueAndGradients(() => sum(model.call(ids(), { tokenTypeIds: idsOf(types) }).pooled!), [weight]).gradients[0]!;
    const some = gradientOf([
      [0, 0, 1, 1, 1],
      [0, 0, 0, 0, 1],
    ]);
    expect(Math.min(Math.hypot(...rowOf(some, 0)), Math.hypot(...rowOf(some, 1)))).toBeGreaterThan(1e-6);
    const none = gradientOf([
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ]);
    expect(new Set(rowOf(none, 1))).toEqual(new Set([0]));
  });

  test('of another shape are refused', async () => {
    using model = new BertModel({ ...BERT_PRESETS.testing, ...plain }, { seed: 1 });
    using roberta = new RobertaModel({ ...ROBERTA_PRESETS.testing, ...plain }, { seed: 1 });
    const tokenTypeIds = zeros([1, 5], 'int32') as Tensor2D;
    const text = ids();
    await expectError(() => model.call(text, { tokenTypeIds }), {
      code: 'shape',
      message: 'must be [2, 5], got [1, 5]',
    });
    await expectError(() => roberta.call(text, { tokenTypeIds }), {
      code: 'shape',
      message: 'must be [2, 5], got [1, 5]',
    });
  });
});

describe('RoBERTa`s positions', () => {
  test.each([1, 0, 4])('start after the padding`s %i, and pass over padding wherever it is', (padTokenId) => {
    using model = new RobertaModel({ ...ROBERTA_PRESETS.testing, ...plain, padTokenId }, { seed: 1 });
    expect(model.encoder.positions.weight.shape).toEqual([padTokenId + 1 + 16, 32]);
    const pad = padTokenId;
    const rows = [
      [pad, pad, 7, 8, 9],
      [7, 8, pad, 9, pad],
      [7, 8, 9, pad, pad],
    ];
    const first = pad + 1;
    const positionIds = idsOf([
      [pad, pad, first, first + 1, first + 2],
      [first, first + 1, pad, first + 2, pad],
      [first, first + 1, first + 2, pad, pad],
    ]);
    const { hidden } = model.call(idsOf(rows));
    expectSameBits(hidden, model.call(idsOf(rows), { positionIds }).hidden);
    expect(valuesOf(hidden)).not.toEqual(
      valuesOf(model.call(idsOf(rows), { positionIds: idsOf([[0, 1, 2, 3, 4]]) }).hidden),
    );
  });

  test('of padding start at zero and learn nothing, nor does its embedding', () => {
    using model = new RobertaModel({ ...ROBERTA_PRESETS.testing, ...plain }, { seed: 1 });
    const { tokens, positions } = model.encoder;
    for (const { weight } of [tokens, positions]) expect(new Set(rowOf(weight, 1))).toEqual(new Set([0]));
    const { gradients } = valueAndGradients(
      () => sum(model.call(idsOf([[5, 6, 1, 1]])).pooled!),
      [tokens.weight, positions.weight],
    );
    for (const gradient of gradients) {
      expect(new Set(rowOf(gradient, 1))).toEqual(new Set([0]));
      expect(Math.hypot(...valuesOf(gradient))).toBeGreaterThan(1e-6);
    }
  });
});

describe('heads', () => {
  test('the pooler is tanh of a layer on the first token', () => {
    using model = new BertModel({ ...BERT_PRESETS.testing, ...plain }, { seed: 1 });
    const { hidden, pooled } = model.call(ids());
    const { weight } = model.pooler!.dense;
    const first = valuesOf(slice(hidden, [1, 0, 0], [1, 1, -1]));
    const byHand = Array.from({ length: 32 }, (_, i) =>
      Math.tanh(rowOf(weight, i).reduce((total, value, j) => total + value * first[j]!, 0)),
    );
    expectClose(rowOf(pooled!, 1), byHand, { rtol: 1e-4, atol: 1e-5 });
    const text = ids();
    expectOwned(() => model.call(text));
  });

  test('pre-training adds up both losses, words and next sentences', () => {
    using model = new BertForPreTraining({ ...BERT_PRESETS.testing, ...plain }, { seed: 1 });
    const labels = tensor1d([1, 0], 'int32');
    const targets = idsOf([
      [-100, 3, -100, -100, -100],
      [4, -100, -100, -100, -100],
    ]);
    const { wordLogits, nextSentenceLogits } = model.call(ids());
    const lossOf = (logits: number[], label: number): number =>
      Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0)) - logits[label]!;
    const at = (row: number, place: number): number[] => valuesOf(slice(wordLogits, [row, place, 0], [1, 1, -1]));
    const words = (lossOf(at(0, 1), 3) + lossOf(at(1, 0), 4)) / 2;
    const sentences = (lossOf(rowOf(nextSentenceLogits, 0), 1) + lossOf(rowOf(nextSentenceLogits, 1), 0)) / 2;
    expectClose(model.loss(ids(), { targets, labels }), words + sentences);
  });

  test('a question answerer has two labels, and leaves nothing behind when it is refused', async () => {
    for (const labels of [['a'], ['a', 'b', 'c']])
      await expectError(() => new BertForQuestionAnswering({ ...BERT_PRESETS.testing, ...plain, labels }), {
        code: 'config',
        message: `BertForQuestionAnswering: labels must be two, for the first and the last token of answers, got ${labels.length}`,
      });
  });

  test('answers outside of the sequence do not count, before it they begin it', () => {
    using model = new BertForQuestionAnswering({ ...BERT_PRESETS.testing, ...plain }, { seed: 1 });
    const places = (...of: number[]): Tensor1D => tensor1d(of, 'int32');
    const ends = places(1, 2);
    const first = (start: number, row: number): number =>
      valuesOf(model.loss(slice(ids(), [row, 0], [1, -1]), { starts: places(start), ends: places(row + 1) }))[0]!;
    expect(first(-3, 0)).toBe(first(0, 0));
    expect(first(5, 0)).toBe(first(40, 0));
    const endOf = (row: number): number => 2 * first(5, row); // its start doesn't count: half the loss of its end
    const startOf = (row: number, place: number): number => 2 * first(place, row) - endOf(row);
    expectClose(model.loss(ids(), { starts: places(3, 5), ends }), (startOf(0, 3) + (endOf(0) + endOf(1)) / 2) / 2);

    const columns = { starts: tensor2d([[3], [5]], [2, 1], 'int32'), ends: tensor2d([[1], [2]], [2, 1], 'int32') };
    expect(valuesOf(model.loss(ids(), columns))).toEqual(valuesOf(model.loss(ids(), { starts: places(3, 5), ends })));
  });

  test('each choice is a sequence of its own', async () => {
    using model = new BertForMultipleChoice({ ...BERT_PRESETS.testing, ...plain }, { seed: 1 });
    const texts = [
      [
        [5, 6, 7],
        [8, 9, 10],
      ],
      [
        [11, 12, 13],
        [14, 15, 16],
      ],
      [
        [5, 6, 7],
        [14, 15, 16],
      ],
    ];
    const mask = tensor3d(
      texts.map((row) => row.map(() => [1, 1, 0])),
      [3, 2, 3],
      'int32',
    );
    const logits = valuesOf(model.call(tensor3d(texts, [3, 2, 3], 'int32'), { attentionMask: mask })); // [3, 2]
    expectClose(logits[4]!, logits[0]!);
    expectClose(logits[5]!, logits[3]!);
    expect(new Set(logits.slice(0, 4).map((logit) => logit.toFixed(4))).size).toBe(4);
    const flat = ids();
    await expectError(() => model.call(flat as never), { code: 'shape', message: '[batch, choices, seq], got [2, 5]' });
  });

  test('the same seed gives the same encoder under every head', () => {
    using classifier = new BertForSequenceClassification({ ...BERT_PRESETS.testing, ...plain }, { seed: 4 });
    using base = new BertModel({ ...BERT_PRESETS.testing, ...plain }, { seed: 4 });
    expectSameBits(classifier.encoder.call(ids()), base.encoder.call(ids()));
    expectSameBits(classifier.pooler.dense.weight, base.pooler!.dense.weight);
  });
});

describe('dropout', () => {
  const rateOf = (hidden: Tensor): number => valuesOf(hidden).filter((value) => value === 0).length / hidden.size;

  test('takes its share of the embeddings, and keeps their mean', () => {
    using model = new BertModel({ ...BERT_PRESETS.testing, ...plain, dropout: 0.3 }, { seed: 1 });
    const long = idsOf(Array.from({ length: 40 }, () => Array.from({ length: 16 }, (_, i) => i + 5)));
    const embeddings = (): Tensor => {
      const { value, hiddenStates } = capture(() => model.call(long), ['hiddenStates']);
      const [first] = hiddenStates;
      dispose([value.hidden, value.pooled!, ...hiddenStates.slice(1)]);
      return first!;
    };
    const dropped = withDropout({ seed: 1, step: 1 }, embeddings);
    const whole = embeddings();
    const standardError = Math.sqrt((0.3 * 0.7) / dropped.size);
    expect(Math.abs(rateOf(dropped) - 0.3)).toBeLessThan(4 * standardError);
    expect(rateOf(whole)).toBe(0);
    const [left, right] = [valuesOf(dropped), valuesOf(whole)];
    left.forEach((value, i) => expect(value === 0 || Math.abs(value - right[i]! / 0.7) < 1e-4).toBe(true));
    dispose([dropped, whole]);
  });

  test('of the classifier is its own: BERT`s on what its head reads, RoBERTa`s before its layer too', () => {
    const [rates, labels] = [{ dropout: 0, attentionDropout: 0 }, ['a', 'b', 'c']];
    const settings = { vocabSize: 30, ...BERT_PRESETS.testing, ...rates, labels, initStd: 0.3 };
    for (const Model of [BertForSequenceClassification, RobertaForSequenceClassification]) {
      using none = new Model({ ...settings, classifierDropout: 0 }, { seed: 1 });
      using half = new Model({ ...settings, classifierDropout: 0.5 }, { seed: 1 });
      using asDropout = new Model({ ...settings, dropout: 0 }, { seed: 1 });
      const at = (model: BertForSequenceClassification | RobertaForSequenceClassification): number[] =>
        valuesOf(withDropout({ seed: 1, step: 1 }, () => model.call(ids())));
      expect(at(none)).toEqual(valuesOf(none.call(ids())));
      expect(at(asDropout)).toEqual(at(none));
      expect(at(half)).not.toEqual(at(none));
    }
  });
});

test('DistilBERT`s positions may start as sines', () => {
  using model = new DistilBertModel({ ...DISTILBERT_PRESETS.testing, ...plain, sinusoidalPositions: true });
  const row = rowOf(model.encoder.positions.weight, 3);
  expectClose(row.slice(0, 4), [
    Math.sin(3),
    Math.cos(3),
    Math.sin(3 / 10000 ** (2 / 32)),
    Math.cos(3 / 10000 ** (2 / 32)),
  ]);
});
