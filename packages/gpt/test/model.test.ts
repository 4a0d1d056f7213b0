import { GrowingKVCache } from '@formers/attention';
import { attend, capture, layerNorm, linear, selfAttend, splitHeads, valueAndGradients } from '@formers/backend';
import {
  add,
  concat,
  dispose,
  mul,
  reshape,
  slice,
  split,
  sum,
  type Tensor,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  type Tensor4D,
  tidy,
  type Variable,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectSameBits,
  randomIds,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { GPT, GPT_PRESETS, GPTModel, type GPTOptions } from '../src/index.ts';

useEngineForTests();

const SMALL: GPTOptions = { vocabSize: 40, ...GPT_PRESETS.testing, initStd: 0.3 };
const ids = (batch = 2, seq = 6): Tensor2D => randomIds<Tensor2D>([batch, seq], { bound: 40 });

const std = (variable: Variable): number =>
  Math.sqrt(valuesOf(variable).reduce((total, value) => total + value ** 2, 0) / variable.size);

test('has the parameters of GPT-2', () => {
  using model = new GPT({ vocabSize: 50257, contextLength: 1024, dim: 16, numHeads: 2, numLayers: 1 }, { seed: null });
  expect([...model.namedParameters().keys()]).toEqual([
    'decoder.tokens.weight',
    'decoder.positions.weight',
    ...[
      'norm1.weight',
      'norm1.bias',
      'attention.queryKeyValue.weight',
      'attention.queryKeyValue.bias',
      'attention.output.weight',
      'attention.output.bias',
    ].map((name) => `decoder.layers.0.${name}`),
    ...[
      'norm2.weight',
      'norm2.bias',
      'mlp.hidden.weight',
      'mlp.hidden.bias',
      'mlp.output.weight',
      'mlp.output.bias',
    ].map((name) => `decoder.layers.0.${name}`),
    'decoder.norm.weight',
    'decoder.norm.bias',
  ]);
  const block = 12 * 16 * 16 + 13 * 16; // 12 d² weights; 4 + 5 d biases and norms of GPT-2
  expect(model.numParameters).toBe((50257 + 1024) * 16 + block + 2 * 16);
});

describe('the first weights', () => {
  test.each([1, 2, 3])('have GPT-2`s deviations within 5 percent, zero biases and gains of one, seed %i', (seed) => {
    using model = new GPT(
      { vocabSize: 300, contextLength: 200, dim: 64, numHeads: 4, numLayers: 3, tieEmbeddings: false },
      { seed },
    );
    const { decoder, head } = model;
    const residual = 0.02 / Math.sqrt(2 * 3);
    const wanted: [Variable, number][] = [
      [decoder.tokens.weight, 0.02],
      [decoder.positions.weight, 0.02],
      [head!.weight, 0.02],
    ];
    for (const { attention, mlp, norm1, norm2 } of decoder.layers) {
      wanted.push(
        [attention.queryKeyValue.weight, 0.02],
        [attention.output.weight, residual],
        [mlp.hidden.weight, 0.02],
        [mlp.output.weight, residual],
      );
      for (const { bias } of [attention.queryKeyValue, attention.output, mlp.hidden, mlp.output, norm1, norm2])
        expect(valuesOf(bias!).every((value) => value === 0)).toBe(true);
      for (const { weight } of [norm1, norm2]) expect(valuesOf(weight).every((value) => value === 1)).toBe(true);
    }
    for (const [variable, deviation] of wanted)
      expect(Math.abs(std(variable) / deviation - 1), variable.shape.join()).toBeLessThan(0.05);
  });

  test('of two models differ by seed alone; a head has a stream of its own', () => {
    using tied = new GPT(SMALL, { seed: 1 });
    using apart = new GPT({ ...SMALL, tieEmbeddings: false }, { seed: 1 });
    using bare = new GPTModel(SMALL, { seed: 1 });
    for (const [path, parameter] of bare.namedParameters()) {
      expectSameBits(tied.namedParameters().get(`decoder.${path}`)!, parameter);
      expectSameBits(apart.namedParameters().get(`decoder.${path}`)!, parameter);
    }
  });

  test('are zeros without a seed', () => {
    using model = new GPT(SMALL, { seed: null });
    expect(valuesOf(model.decoder.tokens.weight).every((value) => value === 0)).toBe(true);
  });
});

/** GPT-2 from its paper and the functions alone, without modules. */
function byFunctions({ decoder, head, config }: GPT, tokens: Tensor2D): Tensor {
  return tidy(() => {
    const [batch, seq] = tokens.shape;
    const positions = slice(decoder.positions.weight, [0, 0], [seq, -1]);
    let x = add(concat(split(decoder.tokens.call(tokens), batch), 0), positions) as Tensor3D;
    decoder.layers.forEach((layer, i) => {
      const { norm1, attention, norm2, mlp } = layer;
      const qkv: Tensor3D = linear(
        layerNorm(x, { weight: norm1.weight, bias: norm1.bias }),
        attention.queryKeyValue.weight,
        { bias: attention.queryKeyValue.bias },
      );
      const [q, k, v] = split<Tensor3D>(qkv, 3, 2).map((part) => splitHeads(part, config.numHeads)) as [
        Tensor4D,
        Tensor4D,
        Tensor4D,
      ];
      const scale =
        (config.scaleAttention ? 1 / Math.sqrt(config.dim / config.numHeads) : 1) /
        (config.scaleAttentionByLayer ? i + 1 : 1);
      const heads = split(attend(q, k, v, { causal: true, scale }), config.numHeads, 1); // each [batch, 1, seq, headDim]
      const merged = concat(
        heads.map((one) => reshape(one, [batch, seq, -1])),
        2,
      ) as Tensor3D;
      x = add(x, linear(merged, attention.output.weight, { bias: attention.output.bias }));
      const hidden = linear(layerNorm(x, { weight: norm2.weight, bias: norm2.bias }), mlp.hidden.weight, {
        bias: mlp.hidden.bias,
        activation: config.activation,
      });
      x = add(x, linear(hidden, mlp.output.weight, { bias: mlp.output.bias }));
    });
    return linear(
      layerNorm(x, { weight: decoder.norm.weight, bias: decoder.norm.bias, epsilon: config.normEpsilon }),
      (head ?? decoder.tokens).weight,
    );
  });
}

/** Biases and gains that aren't those of the start. */
function shake(model: GPT): void {
  [...model.namedParameters()].forEach(([path, parameter], i) => {
    if (path.endsWith('bias')) parameter.assign(randomTensor(parameter.shape, { seed: i, std: 0.2 }));
    else if (path.includes('norm')) parameter.assign(add(1, randomTensor(parameter.shape, { seed: i, std: 0.2 })));
  });
}

test.each<[string, Partial<GPTOptions>]>([
  ['as published', {}],
  ['with a head of its own', { tieEmbeddings: false }],
  ['ReLU, another width', { activation: 'relu', hiddenDim: 20 }],
  ['scores not divided', { scaleAttention: false, initStd: 0.1 }],
  ['scores divided by the layer, too', { scaleAttentionByLayer: true }],
  ['one head', { numHeads: 1 }],
])('is GPT-2 by its paper: %s', (_, options) => {
  using model = new GPT({ ...SMALL, ...options });
  shake(model);
  expectClose(model.call(ids()), byFunctions(model, ids()), { rtol: 1e-4, atol: 1e-4 });
});

function clear({ weight, bias }: { weight: Variable; bias: Variable | undefined }): void {
  for (const variable of [weight, bias!]) variable.assign(zerosLike(variable));
}

describe('pre-norm', () => {
  test('a layer whose attention adds nothing is x + mlp(norm2(x)); the other way round x + attention(norm1(x))', () => {
    using model = new GPT(SMALL);
    shake(model);
    const [layer, x] = [model.decoder.layers[0]!, randomTensor<Tensor3D>([2, 5, 32])];
    const attended = add(x, layer.attention.call(layer.norm1.call(x)));
    clear(layer.mlp.output);
    expectSameBits(layer.call(x), attended);
    clear(layer.attention.output);
    expectSameBits(layer.call(x), x);
  });

  test('with nothing added by any layer the hidden states are norm(tokens + positions)', () => {
    using model = new GPTModel(SMALL);
    for (const { attention, mlp } of model.layers) for (const layer of [attention.output, mlp.output]) clear(layer);
    const embedded = add(model.tokens.call(ids()), slice(model.positions.weight, [0, 0], [6, -1])) as Tensor3D;
    expectClose(model.call(ids()), layerNorm(embedded, { weight: model.norm.weight, bias: model.norm.bias }), {
      atol: 1e-5,
    });
  });
});

describe('tied embeddings', () => {
  test('are one parameter, whose gradient is the sum of both uses', () => {
    using tied = new GPT(SMALL, { seed: 1 });
    using apart = new GPT({ ...SMALL, tieEmbeddings: false }, { seed: 1 });
    apart.head!.weight.assign(tied.decoder.tokens.weight);
    expect(tied.parameters()).toHaveLength(apart.parameters().length - 1);
    const [tokens, targets] = [ids(), randomIds<Tensor2D>([2, 6], { bound: 40, seed: 1 })];
    const { gradients: both } = valueAndGradients(() => tied.loss(tokens, { targets }), [tied.decoder.tokens.weight]);
    const { gradients } = valueAndGradients(
      () => apart.loss(tokens, { targets }),
      [apart.decoder.tokens.weight, apart.head!.weight],
    );
    expectClose(both[0]!, add(gradients[0]!, gradients[1]!), { rtol: 1e-4, atol: 1e-6 });
    for (const gradient of gradients) expect(Math.hypot(...valuesOf(gradient))).toBeGreaterThan(1e-3);
  });

  test('a head of its own starts with other values', () => {
    using apart = new GPT({ ...SMALL, tieEmbeddings: false }, { seed: 1 });
    expect(valuesOf(apart.head!.weight)).not.toEqual(valuesOf(apart.decoder.tokens.weight));
  });
});

describe('capturing', () => {
  test('gives the embeddings, the layers and the final norm, as Hugging Face lists them; also in training, with the same gradients', () => {
    using model = new GPT(SMALL);
    const [tokens, targets] = [ids(), randomIds<Tensor2D>([2, 6], { bound: 40, seed: 1 })];
    const { value, hiddenStates, attentions } = capture(() =>
      valueAndGradients(() => model.loss(tokens, { targets }), model.parameters()),
    );
    expect(hiddenStates.map(({ shape }) => shape)).toEqual(Array.from({ length: 3 }, () => [2, 6, 32]));
    expect(attentions.map(({ shape }) => shape)).toEqual(Array.from({ length: 2 }, () => [2, 4, 6, 6]));
    expectClose(linear(hiddenStates[2] as Tensor3D, model.decoder.tokens.weight), model.call(tokens), { atol: 1e-5 });
    const plain = valueAndGradients(() => model.loss(tokens, { targets }), model.parameters());
    plain.gradients.forEach((gradient, i) => expectSameBits(value.gradients[i]!, gradient));
    dispose([value.value, ...value.gradients, ...hiddenStates, ...attentions]);
  });
});

test('packed sequences, apart by a mask and with positions from 0, are as if alone', () => {
  using model = new GPTModel(SMALL);
  const [first, second] = [ids(1, 4), ids(1, 3)];
  const block = Array.from({ length: 7 }, (_, i) => Array.from({ length: 7 }, (__, j) => Number(i < 4 === j < 4)));
  const positionIds = tensor2d([[0, 1, 2, 3, 0, 1, 2]], [1, 7], 'int32');
  let x = add(model.tokens.call(concat([first, second], 1)), model.positions.call({ positionIds })) as Tensor3D;
  for (const layer of model.layers) x = layer.call(x, { mask: tensor2d(block, [7, 7], 'bool') });
  expectClose(model.norm.call(x), concat([model.call(first), model.call(second)], 1), { atol: 1e-5 });
});

test('selfAttend and attend agree in the model: with and without a cache', () => {
  using model = new GPTModel(SMALL);
  using cache = new GrowingKVCache();
  expectClose(model.call(ids(), { cache }), model.call(ids()), { atol: 1e-5 });
  const qkv = randomTensor<Tensor3D>([1, 3, 12]);
  expectClose(sum(mul(selfAttend(qkv, { numHeads: 2 }), 0)), 0);
});

describe('wrong inputs are told', () => {
  test('ids and masks of another shape', async () => {
    using model = new GPT(SMALL);
    const [flat, good, mask, positionIds] = [
      reshape(ids(1, 6), [6]),
      ids(),
      tensor2d([[1, 1]], [1, 2], 'int32'),
      tensor2d([[0, 1]], [1, 2], 'int32'),
    ];
    await expectError(() => model.call(flat as never), {
      code: 'shape',
      message: 'GPTModel: ids must be [batch, seq], got [6]',
    });
    await expectError(() => model.call(good, { attentionMask: mask }), {
      code: 'shape',
      message: 'GPTModel: attentionMask must be [2, 6], got [1, 2]',
    });
    await expectError(() => model.call(good, { positionIds }), {
      code: 'shape',
      message: 'GPTModel: positionIds must be [1, 6], got [1, 2]',
    });
    await expectError(() => model.loss(good, { targets: mask }), {
      code: 'shape',
      message: 'linearCrossEntropy: labels must be [2, 6], got [1, 2]',
    });
  });

  test('more tokens than positions, also by a cache', async () => {
    using model = new GPT(SMALL);
    const [longest, longer, one] = [ids(1, 16), ids(1, 17), ids(1, 1)];
    expect(model.call(longest).shape).toEqual([1, 16, 40]);
    await expectError(() => model.call(longer), {
      code: 'shape',
      message: 'LearnedPositions: there are 16 positions, got 17 tokens from position 0',
    });
    using cache = new GrowingKVCache();
    model.call(longest, { cache });
    await expectError(() => model.call(one, { cache }), { code: 'shape', message: 'got 1 tokens from position 16' });
    expect(cache.length).toBe(16);
  });

  test('with a cache the mask is of all tokens', async () => {
    using model = new GPT(SMALL);
    using cache = new GrowingKVCache();
    model.call(ids(), { cache });
    const [one, mask] = [ids(2, 1), tensor2d([[1], [1]], [2, 1], 'int32')];
    await expectError(() => model.call(one, { cache, attentionMask: mask }), {
      code: 'shape',
      message: 'GPTModel: attentionMask must be [2, 7], got [2, 1]',
    });
  });
});
