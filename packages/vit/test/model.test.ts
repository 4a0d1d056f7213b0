import { capture, layerNorm, linear, valueAndGradients } from '@formers/backend';
import {
  add,
  dispose,
  reshape,
  slice,
  sum,
  tanh,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  type Variable,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectOwned,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { VIT_PRESETS, ViTForImageClassification, ViTModel, type ViTOptions } from '../src/index.ts';

useEngineForTests();

const SMALL: ViTOptions = {
  ...VIT_PRESETS.testing,
  imageSize: [12, 8],
  numChannels: 3,
  initStd: 0.3,
  labels: ['a', 'b', 'c'],
};
const images = (batch = 2, seed = 0): Tensor4D => randomTensor<Tensor4D>([batch, 3, 12, 8], { seed });

const std = (variable: Variable): number => Math.hypot(...valuesOf(variable)) / Math.sqrt(variable.size);

test('has the parameters of ViT', () => {
  using model = new ViTForImageClassification(
    { imageSize: [12, 8], patchSize: 4, dim: 16, numHeads: 2, numLayers: 1, labels: ['a', 'b', 'c'] },
    { seed: null },
  );
  const layer = [
    ...['norm1', 'attention.query', 'attention.key', 'attention.value', 'attention.output', 'norm2'],
    ...['mlp.hidden', 'mlp.output'],
  ].flatMap((name) => [`encoder.layers.0.${name}.weight`, `encoder.layers.0.${name}.bias`]);
  expect([...model.namedParameters().keys()].toSorted()).toEqual(
    [
      ...['encoder.classToken', 'encoder.positions', 'encoder.patches.weight', 'encoder.patches.bias'],
      ...layer,
      ...['encoder.norm.weight', 'encoder.norm.bias', 'head.weight', 'head.bias'],
    ].toSorted(),
  );
  const block = 12 * 16 * 16 + 13 * 16; // 12 d² weights; 4 + 5 d biases and norms
  expect(model.numParameters).toBe(16 + 7 * 16 + (48 * 16 + 16) + block + 2 * 16 + (16 * 3 + 3));
});

test('biases of queries, keys and values may be left out; that of the output stays', () => {
  using model = new ViTForImageClassification({ ...SMALL, qkvBias: false });
  const { query, key, value, output } = model.encoder.layers[0]!.attention;
  for (const { bias } of [query, key, value]) expect(bias).toBeUndefined();
  expect(output.bias?.shape).toEqual([16]);
});

describe('the first weights', () => {
  test.each([1, 2, 3])('have a deviation of 0.02 within 5 percent, zero biases and gains of one, seed %i', (seed) => {
    using model = new ViTForImageClassification(
      { imageSize: 80, patchSize: 8, dim: 64, numHeads: 4, numLayers: 2, labels: new Array<string>(60).fill('x') },
      { seed },
    );
    for (const [path, parameter] of model.namedParameters()) {
      const values = valuesOf(parameter);
      if (path.endsWith('bias'))
        expect(
          values.every((value) => value === 0),
          path,
        ).toBe(true);
      else if (path.includes('norm'))
        expect(
          values.every((value) => value === 1),
          path,
        ).toBe(true);
      else expect(Math.abs(std(parameter) / 0.02 - 1), path).toBeLessThan(path.endsWith('classToken') ? 0.4 : 0.05); // 64 numbers tell less
    }
  });

  test('of two models differ by seed alone; heads have streams of their own', () => {
    using classifier = new ViTForImageClassification(SMALL, { seed: 1 });
    using other = new ViTForImageClassification({ ...SMALL, labels: ['x'] }, { seed: 1 });
    using bare = new ViTModel(SMALL, { seed: 1 });
    for (const [path, parameter] of bare.encoder.namedParameters())
      for (const model of [classifier, other]) expectSameBits(model.encoder.namedParameters().get(path)!, parameter);
  });

  test('are zeros without a seed', () => {
    using model = new ViTForImageClassification(SMALL, { seed: null });
    for (const variable of [model.encoder.positions, model.encoder.patches.weight, model.head.weight])
      expect(valuesOf(variable).every((value) => value === 0)).toBe(true);
  });
});

/** Biases and gains that aren't those of the start. */
function shake(model: ViTModel | ViTForImageClassification): void {
  [...model.namedParameters()].forEach(([path, parameter], i) => {
    if (path.endsWith('bias')) parameter.assign(randomTensor(parameter.shape, { seed: i, std: 0.2 }));
    else if (path.includes('norm')) parameter.assign(add(1, randomTensor(parameter.shape, { seed: i, std: 0.2 })));
  });
}

function clear({ weight, bias }: { weight: Variable; bias: Variable | undefined }): void {
  for (const variable of [weight, bias!]) variable.assign(zerosLike(variable));
}

describe('pre-norm', () => {
  test('a layer whose attention adds nothing is x + mlp(norm2(x)); the other way round x + attention(norm1(x))', () => {
    using model = new ViTModel(SMALL);
    shake(model);
    const [layer, x] = [model.encoder.layers[0]!, randomTensor<Tensor3D>([2, 7, 16])];
    const attended = add(x, layer.attention.call(layer.norm1.call(x)));
    expectClose(layer.call(x), add(attended, layer.mlp.call(layer.norm2.call(attended as Tensor3D))));
    clear(layer.mlp.output);
    expectSameBits(layer.call(x), attended);
    clear(layer.attention.output);
    expectSameBits(layer.call(x), x);
  });

  test('with nothing added by any layer the hidden states are norm([class token, patches] + positions)', () => {
    using model = new ViTForImageClassification(SMALL);
    shake(model);
    const { patches, classToken, positions, norm, layers } = model.encoder;
    for (const { attention, mlp } of layers) for (const layer of [attention.output, mlp.output]) clear(layer);
    const hidden = model.encoder.call(images());
    const [first, ...others] = [0, 1, 2, 3, 4, 5, 6].map((token) =>
      slice(positions as Tensor as Tensor3D, [0, token, 0], [1, 1, -1]),
    );
    const normalised = (x: Tensor): Tensor =>
      layerNorm(x as Tensor3D, { weight: norm.weight, bias: norm.bias, epsilon: 1e-12 });
    const start = reshape(normalised(add(classToken, first!)), [1, 16]) as Tensor2D;
    for (const row of [0, 1]) expectClose(slice(hidden, [row, 0, 0], [1, 1, -1]), valuesOf(start), { atol: 1e-5 });
    others.forEach((position, patch) => {
      const embedded = slice(patches.call(images()), [0, patch, 0], [-1, 1, -1]);
      expectClose(slice(hidden, [0, 1 + patch, 0], [-1, 1, -1]), normalised(add(embedded, position)), { atol: 1e-4 });
    });
    const logits = valuesOf(linear(start, model.head.weight, { bias: model.head.bias }));
    expectClose(model.call(images()), [...logits, ...logits], { atol: 1e-4, rtol: 1e-4 });
  });
});

test('the head reads the class token after the final norm, the pooler through tanh', () => {
  using classifier = new ViTForImageClassification(SMALL);
  using model = new ViTModel({ ...SMALL, poolerDim: 5 });
  shake(model);
  const token = (hidden: Tensor3D): Tensor2D => reshape(slice(hidden, [0, 0, 0], [-1, 1, -1]) as Tensor, [2, 16]);
  const { weight, bias } = classifier.head;
  expectClose(classifier.call(images()), linear(token(classifier.encoder.call(images())), weight, { bias }));
  const { hidden, pooled } = model.call(images());
  expect([hidden.shape, pooled?.shape]).toEqual([
    [2, 7, 16],
    [2, 5],
  ]);
  expectSameBits(hidden, model.encoder.call(images()));
  expectClose(pooled!, tanh(linear(token(hidden), model.pooler!.weight, { bias: model.pooler!.bias })));
  const two = images();
  expectOwned(() => model.call(two));
});

test('capturing gives the embeddings, each layer, and the maps; in training the same gradients', () => {
  using model = new ViTForImageClassification(SMALL);
  const run = (): Tensor[] => {
    const { value, gradients } = valueAndGradients(() => sum(model.call(images())), model.parameters());
    return [value, ...gradients];
  };
  const { value, hiddenStates, attentions } = capture(run);
  expect(hiddenStates.map(({ shape }) => shape)).toEqual(Array.from({ length: 3 }, () => [2, 7, 16]));
  expect(attentions.map(({ shape }) => shape)).toEqual(Array.from({ length: 2 }, () => [2, 2, 7, 7]));
  expectSameBits(model.encoder.norm.call(hiddenStates[2] as Tensor3D), model.encoder.call(images()));
  run().forEach((tensor, i) => expectSameBits(value[i]!, tensor));
  dispose([...value, ...hiddenStates, ...attentions]);
});

describe('wrong inputs are told', () => {
  test.each([
    [[2, 3, 8, 12], 'ViTEncoder: images must be [batch, 3, 12, 8], got [2, 3, 8, 12]'],
    [[2, 1, 12, 8], 'ViTEncoder: images must be [batch, 3, 12, 8], got [2, 1, 12, 8]'],
    [[2, 12, 8, 3], 'ViTEncoder: images must be [batch, 3, 12, 8], got [2, 12, 8, 3]'],
    [[3, 12, 8], 'ViTEncoder: images must be [batch, 3, 12, 8], got [3, 12, 8]'],
  ])('images of %o', async (shape, message) => {
    using model = new ViTForImageClassification(SMALL);
    const wrong = randomTensor<Tensor4D>(shape);
    await expectError(() => model.call(wrong), { code: 'shape', message });
  });

  test('with interpolation the channels are checked still', async () => {
    using model = new ViTForImageClassification(SMALL);
    const wrong = randomTensor<Tensor4D>([2, 1, 16, 16]);
    await expectError(() => model.call(wrong, { interpolatePositions: true }), {
      code: 'shape',
      message: 'ViTEncoder: images must be [batch, 3, height, width], got [2, 1, 16, 16]',
    });
  });
});
