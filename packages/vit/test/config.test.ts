import { ACTIVATIONS, ConfigError } from '@formers/backend';
import { describe, expect, test } from 'vitest';

import { numPatches, VIT_PRESETS, vitConfig, vitConfigFromHuggingFace, type ViTOptions } from '../src/index.ts';

const base: ViTOptions = { imageSize: 12, patchSize: 4, dim: 8, numHeads: 2, numLayers: 1 };

test('fills in the values of ViT-B', () => {
  expect(vitConfig(base)).toEqual({
    ...base,
    imageSize: [12, 12],
    patchSize: [4, 4],
    numChannels: 3,
    hiddenDim: 32,
    activation: 'gelu',
    dropout: 0,
    attentionDropout: 0,
    normEpsilon: 1e-12,
    initStd: 0.02,
    qkvBias: true,
    poolerDim: 8,
    poolerActivation: 'tanh',
    encoderStride: 4,
    labels: ['LABEL_0', 'LABEL_1'],
  });
});

test('a config passes as options, and comes out the same', () => {
  const config = vitConfig({ ...base, imageSize: [8, 12], patchSize: [2, 4], labels: ['a'], dropout: 0.2 });
  expect(vitConfig(config)).toEqual(config);
});

test.each(Object.entries(VIT_PRESETS))('preset %s is a config', (_, preset) => {
  const { imageSize, patchSize, ...rest } = preset;
  expect(vitConfig(preset)).toMatchObject({
    ...rest,
    imageSize: [imageSize, imageSize],
    patchSize: [patchSize, patchSize],
  });
});

test.each<[imageSize: [number, number], patchSize: [number, number], expected: number]>([
  [[224, 224], [16, 16], 196],
  [[12, 8], [4, 2], 12],
  [[15, 9], [4, 2], 12],
  [[4, 2], [4, 2], 1],
])('an image of %o has, in patches of %o, %i', (imageSize, patchSize, expected) => {
  expect(numPatches({ imageSize, patchSize })).toBe(expected);
});

const SIZE = 'a whole number from 1 to 2^24';
const RATE = 'a number from 0 to below 1';
const AMOUNT = 'a finite number of at least 0';
const ACTIVATION = `one of ${ACTIVATIONS.join(', ')}`;

test.each<[object, string]>([
  ...(['numChannels', 'dim', 'hiddenDim', 'numHeads', 'numLayers', 'poolerDim', 'encoderStride'] as const).flatMap(
    (name) =>
      [0, -1, 2.5, NaN, Infinity, 2 ** 24 + 1, '8', null, undefined].map((value): [object, string] => [
        { hiddenDim: 32, poolerDim: 8, [name]: value },
        `ViTConfig: ${name} must be ${SIZE}, got ${typeof value === 'string' ? JSON.stringify(value) : value}`,
      ]),
  ),
  ...(['imageSize', 'patchSize'] as const).flatMap((name): [object, string][] => [
    [{ [name]: 0 }, `ViTConfig: ${name}.0 must be ${SIZE}, got 0`],
    [{ [name]: [4, 2.5] }, `ViTConfig: ${name}.1 must be ${SIZE}, got 2.5`],
    [{ [name]: '8' }, `ViTConfig: ${name} must be a whole number or [height, width], got "8"`],
    [{ [name]: null }, `ViTConfig: ${name} must be a whole number or [height, width], got null`],
    [{ [name]: [4, 4, 4] }, 'ViTConfig: '],
    [{ [name]: [4] }, 'ViTConfig: '],
  ]),
  ...(['dropout', 'attentionDropout'] as const).flatMap((name) =>
    [1, -0.1, NaN, Infinity].map((value): [object, string] => [
      { [name]: value },
      `ViTConfig: ${name} must be ${RATE}, got ${value}`,
    ]),
  ),
  [{ activation: 'gelu_new' }, `ViTConfig: activation must be ${ACTIVATION}, got "gelu_new"`],
  [{ poolerActivation: 'toString' }, `ViTConfig: poolerActivation must be ${ACTIVATION}, got "toString"`],
  [{ normEpsilon: -1 }, `ViTConfig: normEpsilon must be ${AMOUNT}, got -1`],
  [{ initStd: Infinity }, `ViTConfig: initStd must be ${AMOUNT}, got Infinity`],
  [{ qkvBias: 1 }, 'ViTConfig: qkvBias must be true or false, got 1'],
  [{ labels: [] }, 'ViTConfig: labels must be at least one name, got 0'],
  [{ labels: 3 }, 'ViTConfig: labels must be at least one name, got 3'],
  [{ labels: ['a', 7] }, 'ViTConfig: labels.1 must be a name, got 7'],
  [{ numLayer: 2 }, 'ViTConfig: there is no option numLayer'],
  [{ dim: 9 }, 'ViTConfig: dim must be divisible by numHeads, got 9 and 2'],
  [{ imageSize: [12, 3] }, 'ViTConfig: imageSize must hold a patch of [4, 4], got [12, 3]'],
  [{ dim: 2 ** 20, hiddenDim: 1 }, 'ViTConfig: a model may have up to 8589934592 parameters, got about'],
  [{ imageSize: 2 ** 24, patchSize: 1 }, 'ViTConfig: a model may have up to 8589934592 parameters'],
  [{ imageSize: 2 ** 20, patchSize: 2 ** 20 }, 'ViTConfig: a model may have up to 8589934592 parameters'],
  [{ dim: 2 ** 12, poolerDim: 2 ** 24 }, 'ViTConfig: a model may have up to 8589934592 parameters'],
])('%o is refused', (options, message) => {
  const refused = (): unknown => vitConfig({ ...base, ...options } as ViTOptions);
  expect(refused).toThrow(ConfigError);
  expect(refused).toThrow(message);
});

test.each(['dim', 'numHeads', 'numLayers', 'imageSize', 'patchSize'] as const)('%s is asked for', (name) => {
  const { [name]: _, ...rest } = base;
  expect(() => vitConfig(rest as ViTOptions)).toThrow(`ViTConfig: ${name} must be `);
});

describe('from Hugging Face', () => {
  const json = {
    model_type: 'vit',
    image_size: 12,
    patch_size: 4,
    hidden_size: 8,
    intermediate_size: 16,
    num_attention_heads: 2,
    num_hidden_layers: 1,
  };

  test('an empty config is ViT-B with patches of 16', () => {
    expect(vitConfigFromHuggingFace({})).toEqual(
      vitConfig({ ...VIT_PRESETS['vit-base'], labels: ['LABEL_0', 'LABEL_1'] }),
    );
  });

  test('every key', () => {
    const config = vitConfigFromHuggingFace({
      ...json,
      image_size: [8, 12],
      patch_size: [2, 4],
      num_channels: 1,
      hidden_act: 'gelu_new',
      hidden_dropout_prob: 0.1,
      attention_probs_dropout_prob: 0.2,
      layer_norm_eps: 1e-6,
      initializer_range: 0.05,
      qkv_bias: false,
      pooler_output_size: 6,
      pooler_act: 'relu',
      encoder_stride: 4,
      problem_type: 'regression',
      id2label: { 1: 'dog', 0: 'cat', 2: 'owl' },
    });
    expect(config).toEqual({
      imageSize: [8, 12],
      patchSize: [2, 4],
      numChannels: 1,
      dim: 8,
      hiddenDim: 16,
      numHeads: 2,
      numLayers: 1,
      activation: 'geluTanh',
      dropout: 0.1,
      attentionDropout: 0.2,
      normEpsilon: 1e-6,
      initStd: 0.05,
      qkvBias: false,
      poolerDim: 6,
      poolerActivation: 'relu',
      encoderStride: 4,
      labels: ['cat', 'dog', 'owl'],
      problemType: 'regression',
    });
  });

  test('labels by their number alone, as old checkpoints have them', () => {
    expect(vitConfigFromHuggingFace({ ...json, num_labels: 3 }).labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2']);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ hidden_act: 'geglu' }, 'hidden_act must be one of'],
    [{ pooler_act: 7 }, 'pooler_act must be one of'],
    [{ num_attention_heads: 3 }, 'dim must be divisible by numHeads, got 8 and 3'],
    [{ hidden_size: '8' }, `dim must be ${SIZE}, got "8"`],
    [{ hidden_size: 0 }, `dim must be ${SIZE}, got 0`],
    [{ num_hidden_layers: -1 }, `numLayers must be ${SIZE}, got -1`],
    [{ num_hidden_layers: null }, `numLayers must be ${SIZE}, got null`],
    [{ intermediate_size: 1e308 }, `hiddenDim must be ${SIZE}, got 1e+308`],
    [{ num_channels: [3] }, `numChannels must be ${SIZE}, got Array`],
    [{ image_size: '12' }, 'imageSize must be a whole number or [height, width], got "12"'],
    [{ image_size: 3 }, 'imageSize must hold a patch of [4, 4], got [3, 3]'],
    [{ patch_size: { height: 4, width: 4 } }, 'patchSize must be a whole number or [height, width], got Object'],
    [{ hidden_dropout_prob: 1 }, `dropout must be ${RATE}, got 1`],
    [{ layer_norm_eps: 'NaN' }, `normEpsilon must be ${AMOUNT}`],
    [{ qkv_bias: 'true' }, 'qkvBias must be true or false'],
    [{ pooler_output_size: 0 }, `poolerDim must be ${SIZE}, got 0`],
    [{ id2label: {} }, 'labels must be at least one name'],
    [{ id2label: { 0: 'a', 2: 'c' } }, 'id2label must name the ids 0 to 1, got none for 1'],
    [{ id2label: { 0: 'a', 1: 5 } }, 'id2label must name the ids 0 to 1, got none for 1'],
    [{ num_labels: 0 }, 'labels must be at least one name'],
    [{ num_labels: 1e15 }, 'num_labels must be up to 1048576, got 1000000000000000'],
    [{ num_labels: Infinity }, 'num_labels must be up to 1048576, got Infinity'],
  ])('%o is refused', (keys, message) => {
    const refused = (): unknown => vitConfigFromHuggingFace({ ...json, ...keys } as never);
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
  });

  test.each(['auto_map', '_attn_implementation', '__proto__', 'constructor', 'torch_dtype'])(
    'the key %s has no effect',
    (key) => {
      const config = vitConfigFromHuggingFace(
        Object.fromEntries([...Object.entries(json), [key, { evil: 1 }]]) as never,
      );
      expect(config).toEqual(vitConfigFromHuggingFace(json));
      expect('evil' in Object.prototype).toBe(false);
    },
  );
});
