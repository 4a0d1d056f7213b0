import { crossEntropy } from '@formers/backend';
import { add, mul, type Tensor1D, tensor1d, type Tensor4D } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectSameBits,
  randomTensor,
  train,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import {
  DEIT_PRESETS,
  DeiTForImageClassification,
  DeiTForImageClassificationWithTeacher,
  DeiTModel,
  truncatedNormal,
  VIT_PRESETS,
  ViTForImageClassification,
} from '../src/index.ts';
import { RandomStream } from '@formers/backend';

useEngineForTests();

const options = { ...DEIT_PRESETS.testing, initStd: 0.3, labels: ['a', 'b', 'c'] };
const images = (batch = 2): Tensor4D => randomTensor<Tensor4D>([batch, 1, 8, 8]);

test('hidden states have the class token first, then the distillation token, then the patches', () => {
  using model = new DeiTModel(options, { seed: 1 });
  const { hidden, pooled } = model.call(images());
  expect([hidden.shape, pooled?.shape, model.encoder.positions.shape]).toEqual([
    [2, 6, 16],
    [2, 16],
    [1, 6, 16],
  ]);
  using bare = new DeiTModel(options, { seed: 1, pooler: false });
  expect(bare.call(images()).pooled).toBeUndefined();
  expectSameBits(bare.call(images()).hidden, hidden);
});

describe('with a teacher', () => {
  test('the logits are the mean of the two heads, each of its own token', () => {
    using model = new DeiTForImageClassificationWithTeacher(options, { seed: 1 });
    const { logits, classLogits, distillationLogits } = model.call(images());
    expectClose(logits, mul(add(classLogits, distillationLogits), 0.5));
    expect(valuesOf(classLogits)).not.toEqual(valuesOf(distillationLogits));
    model.head.weight.assign(mul(model.head.weight, 0));
    const after = model.call(images());
    expectSameBits(after.distillationLogits, distillationLogits);
    expect(valuesOf(after.classLogits).every((value) => value === 0)).toBe(true);
  });

  test('the loss is half of the truth`s and half of the teacher`s', () => {
    using model = new DeiTForImageClassificationWithTeacher(options, { seed: 1 });
    const [labels, teacherLabels] = [ids([0, 2]), ids([1, 2])];
    const { classLogits, distillationLogits } = model.call(images());
    const expected = mul(add(crossEntropy(classLogits, labels), crossEntropy(distillationLogits, teacherLabels)), 0.5);
    expectClose(model.loss(images(), { labels, teacherLabels }), expected);
  });

  test('both heads learn eight images by heart, each what it is told', () => {
    using model = new DeiTForImageClassificationWithTeacher({ ...options, initStd: 0.02 }, { seed: 1 });
    const [labels, teacherLabels] = [ids([0, 1, 2, 0, 1, 2, 0, 1]), ids([2, 2, 1, 1, 0, 0, 0, 1])];
    const pictures = images(8);
    const losses = train(model, () => model.loss(pictures, { labels, teacherLabels }), {
      steps: 300,
      learningRate: 1e-2,
      until: (loss) => loss < 0.01,
    });
    expect(losses.at(-1)).toBeLessThan(0.01);
  });

  test('folders: saved and loaded the same; a classifier takes the encoder', async () => {
    using model = new DeiTForImageClassificationWithTeacher(options, { seed: 1 });
    const files = new Map<string, Uint8Array>();
    await model.savePretrained(files);
    using loaded = await DeiTForImageClassificationWithTeacher.fromPretrained(files);
    expectSameBits(loaded.call(images()).logits, model.call(images()).logits);
    using classifier = await DeiTForImageClassification.fromPretrained(files, { newHead: true, labels: ['x', 'y'] });
    expectSameBits(classifier.encoder.call(images()), model.encoder.call(images()));
    expect(classifier.call(images()).shape).toEqual([2, 2]);
  });
});

test('a ViT`s loss is that of its problem type', () => {
  using model = new ViTForImageClassification({ ...VIT_PRESETS.testing, labels: ['a', 'b', 'c'] }, { seed: 1 });
  const logits = model.call(images());
  expectClose(model.loss(images(), { labels: ids([0, 2]) }), crossEntropy(logits, ids([0, 2])));
  const targets = randomTensor([2, 3]);
  const squares = valuesOf(logits).map((value, i) => (value - valuesOf(targets)[i]!) ** 2);
  model.config.problemType = 'regression';
  expectClose(model.loss(images(), { labels: targets }), squares.reduce((sum, value) => sum + value, 0) / 6);
});

describe('truncatedNormal', () => {
  test('has nothing beyond ±2, and else the deviation of a cut normal', () => {
    const values = [...truncatedNormal(1.5)([20_000], new RandomStream(1, 'test'))];
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(2);
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    // Of a normal cut at a = 2 / 1.5 deviations: 1 - 2 a φ(a) / (2 Φ(a) - 1), with φ(4/3) = 0.164010 and Φ(4/3) = 0.908789.
    expect(variance / 1.5 ** 2).toBeCloseTo(1 - (2 * (4 / 3) * 0.16401) / (2 * 0.908789 - 1), 1);
  });

  test('is the plain one where nothing lies beyond, and zeros without a stream', () => {
    const std = Math.hypot(...truncatedNormal(0.02)([10_000], new RandomStream(1, 'test'))) / 100;
    expect(std).toBeCloseTo(0.02, 3);
    expect([...truncatedNormal(3)([4], null)]).toEqual([0, 0, 0, 0]);
  });
});

function ids(values: number[]): Tensor1D {
  return tensor1d(values, 'int32');
}
