import { ConfigError, withDropout } from '@formers/backend';
import type { JsonObject } from '@formers/checkpoints';
import { add, max, mean, mul, slice, type Tensor3D, type Tensor4D } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { TimmViT, timmViTConfig, timmViTConfigFromJson, type TimmViTOptions } from '../src/index.ts';

useEngineForTests();

const small: TimmViTOptions = { imageSize: 8, patchSize: 4, numChannels: 1, dim: 8, numHeads: 2, numLayers: 2 };
const images = (): Tensor4D => randomTensor<Tensor4D>([2, 1, 8, 8]);

async function filesOf(model: TimmViT): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  await model.savePretrained(files);
  return files;
}

const jsonOf = (files: Map<string, Uint8Array>): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>;

describe('config.json', () => {
  test('an architecture of the hub, what its weights were made for, and its own arguments over both', () => {
    const config = timmViTConfigFromJson({
      architecture: 'vit_small_patch16_384.augreg_in21k_ft_in1k',
      num_classes: 3,
      model_args: { drop_rate: 0.5 },
      pretrained_cfg: {
        input_size: [3, 384, 384],
        fixed_input_size: true,
        num_classes: 7,
        label_names: ['a', 'b', 'c'],
      },
    });
    expect(config).toEqual(
      timmViTConfig({
        ...{ imageSize: 384, patchSize: 16, dim: 384, numHeads: 6, numLayers: 12 },
        ...{ labels: ['a', 'b', 'c'], dropout: 0.5 },
      }),
    );
  });

  test.each<[string, object]>([
    [
      'vit_large_patch14_reg4_dinov2.lvd142m',
      { dim: 1024, patchSize: [14, 14], numRegisters: 4, prefixPositions: false },
    ],
    ['vit_base_patch32_clip_224.openai', { preNorm: true, normEpsilon: 1e-5, patchSize: [32, 32] }],
    ['vit_base_patch16_clip_quickgelu_224', { preNorm: true, activation: 'quickGelu' }],
    ['vit_base_patch16_224_miil.in21k', { qkvBias: false }],
    ['deit3_huge_patch14_224.fb_in1k', { dim: 1280, numLayers: 32, layerScale: 1e-6, prefixPositions: false }],
    ['deit_tiny_patch16_224', { dim: 192, layerScale: 0 }],
  ])('%s', (architecture, expected) => {
    expect(timmViTConfigFromJson({ architecture })).toMatchObject(expected);
  });

  test.each<[JsonObject, string]>([
    [{ architecture: 'resnet50' }, 'architecture must be one of timm'],
    [{ architecture: 'deit_base_distilled_patch16_224' }, 'architecture must be one of timm'],
    [{ architecture: 'vit_base_patch16_siglip_224' }, 'architecture must be one of timm'],
    [{ architecture: 'vit_medium_patch16_gap_240' }, 'architecture must be one of timm'],
    [{}, 'architecture must be one of timm'],
    [{ global_pool: 'map' }, 'pooling must be one of token, avg, max, avgmax, none, got "map"'],
    [{ class_token: false }, 'classToken must be true where pooling is token'],
    [{ norm_layer: 'rmsnorm' }, 'norm_layer must be null, got "rmsnorm"'],
    [{ patch_drop_rate: 0.5 }, 'patch_drop_rate must be 0, got 0.5'],
    [{ scale_attn_norm: true }, 'scale_attn_norm must be false, got true'],
    [{ rotary: true }, "timm's ViT here has no argument rotary"],
    [{ num_heads: 5 }, 'dim must be divisible by numHeads, got 768 and 5'],
    [{ num_classes: -1 }, 'num_classes must be from 0 to'],
    [{ mlp_ratio: '4' }, 'hiddenDim must be'],
    [{ reg_tokens: -1 }, 'numRegisters must be a whole number from 0 to 2^24'],
  ])('%o is refused', (json, message) => {
    const named =
      'architecture' in json || Object.keys(json).length === 0
        ? json
        : { architecture: 'timm.VisionTransformer', ...json };
    const refused = (): unknown => timmViTConfigFromJson(named);
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
  });
});

describe('pooling', () => {
  const run = (options: Partial<TimmViTOptions>): { found: number[]; features: Tensor3D } => {
    using model = new TimmViT({ ...small, labels: [], numRegisters: 1, finalNorm: false, ...options }, { seed: 1 });
    return { found: valuesOf(model.call(images())), features: model.encoder.call(images()) };
  };
  const patches = (x: Tensor3D): Tensor3D => slice(x, [0, 2, 0], [-1, -1, -1]);

  test('by the class token', () => {
    const { found, features } = run({});
    expectSameBits(found, slice(features, [0, 0, 0], [-1, 1, -1]));
  });

  test('by mean, by maximum, by both; of patches alone or of all tokens; not at all', () => {
    const average = run({ pooling: 'avg' });
    expectClose(average.found, mean(patches(average.features), 1));
    const whole = run({ pooling: 'avg', poolPrefix: true });
    expectClose(whole.found, mean(whole.features, 1));
    const largest = run({ pooling: 'max' });
    expectClose(largest.found, max(patches(largest.features), 1));
    const two = run({ pooling: 'avgmax' });
    expectClose(two.found, mul(add(mean(patches(two.features), 1), max(patches(two.features), 1)), 0.5));
    const none = run({ pooling: 'none' });
    expectSameBits(none.found, none.features);
  });
});

test('stochastic depth skips whole images in training alone, later layers more often', () => {
  using model = new TimmViT({ ...small, labels: ['a', 'b'], dropPath: 0.9 }, { seed: 1 });
  expect(model.encoder.layers.map(({ dropPath }) => dropPath)).toEqual([0, 0.9]);
  using plain = new TimmViT({ ...small, labels: ['a', 'b'] }, { seed: 1 });
  expectSameBits(model.call(images()), plain.call(images()));
  const x = randomTensor<Tensor3D>([200, 2, 8]);
  const layer = model.encoder.layers[1]!;
  const found = valuesOf(withDropout({ seed: 1, step: 1 }, () => layer.call(x)));
  const wanted = valuesOf(x);
  const kept = Array.from({ length: 200 }, (_, i) =>
    wanted.slice(16 * i, 16 * (i + 1)).every((value, j) => found[16 * i + j] === value),
  ).filter(Boolean).length;
  expect(kept).toBeGreaterThan(200 * 0.7); // both halves skipped: 0.81
  expect(kept).toBeLessThan(200 * 0.9);
});

describe('folders', () => {
  test('of a new model are timm`s, with every argument; they open again the same', async () => {
    using model = new TimmViT({ ...small, labels: ['cat', 'dog'], normEpsilon: 1e-5, preNorm: true }, { seed: 1 });
    const files = await filesOf(model);
    expect(jsonOf(files)).toMatchObject({
      architecture: 'vit_base_patch16_clip_224',
      num_classes: 2,
      label_names: ['cat', 'dog'],
      model_args: { img_size: 8, patch_size: 4, embed_dim: 8, depth: 2, num_heads: 2, pre_norm: true },
    });
    using loaded = await TimmViT.fromPretrained(files);
    expect(loaded.config).toEqual(model.config);
    expectSameBits(loaded.call(images()), model.call(images()));
    expect(await filesOf(loaded)).toEqual(files);
  });

  test('what was changed is written, and unknown keys survive', async () => {
    using model = new TimmViT({ ...small, labels: ['cat', 'dog'] }, { seed: 1 });
    const files = await filesOf(model);
    const json = { ...jsonOf(files), label_descriptions: { cat: 'a cat' } };
    files.set('config.json', new TextEncoder().encode(JSON.stringify(json)));
    using loaded = await TimmViT.fromPretrained(files);
    expect((await filesOf(loaded)).get('config.json')).toEqual(files.get('config.json'));
    loaded.config.dropout = 0.5;
    const changed = jsonOf(await filesOf(loaded));
    expect(changed).toEqual({
      ...json,
      model_args: { ...(json as { model_args?: object }).model_args, drop_rate: 0.5 },
    });
  });

  test('a new head for other classes', async () => {
    using model = new TimmViT({ ...small, labels: ['cat', 'dog'] }, { seed: 1 });
    const files = await filesOf(model);
    using swapped = await TimmViT.fromPretrained(files, { newHead: true, labels: ['x', 'y', 'z'], seed: 3 });
    expectSameBits(swapped.encoder.call(images()), model.encoder.call(images()));
    expect(swapped.call(images()).shape).toEqual([2, 3]);
    const again = await filesOf(swapped);
    expect(jsonOf(again)).toMatchObject({ num_classes: 3, label_names: ['x', 'y', 'z'] });
    using back = await TimmViT.fromPretrained(again);
    expectSameBits(back.call(images()), swapped.call(images()));
  });

  test('a missing tensor is listed, and nothing leaks', async () => {
    using model = new TimmViT({ ...small, labels: ['cat', 'dog'] }, { seed: 1 });
    const files = await filesOf(model);
    const json = jsonOf(files) as { model_args: object };
    files.set(
      'config.json',
      new TextEncoder().encode(JSON.stringify({ ...json, model_args: { ...json.model_args, qk_norm: true } })),
    );
    await expectError(() => TimmViT.fromPretrained(files), {
      code: 'mismatch',
      message: 'blocks.0.attn.q_norm.weight',
    });
  });
});
