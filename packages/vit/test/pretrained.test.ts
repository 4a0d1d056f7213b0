import { readFile } from 'node:fs/promises';
import { capture, crossEntropy } from '@formers/backend';
import {
  CheckpointError,
  fromFloat32,
  parseSafetensors,
  serializeSafetensors,
  type StoredTensor,
  toFloat32,
} from '@formers/checkpoints';
import { type PretrainedModel, storedNames } from '@formers/nn';
import { dispose, type Tensor, type Tensor1D, type Tensor4D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectNoLeak,
  expectSameBits,
  readGoldens,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import {
  DEIT_PRESETS,
  DeiTForImageClassification,
  DeiTForImageClassificationWithTeacher,
  DeiTForMaskedImageModeling,
  DeiTModel,
  VIT_MAE_PRESETS,
  VIT_PRESETS,
  ViTForImageClassification,
  ViTForMaskedImageModeling,
  ViTMAEForPreTraining,
  ViTMAEModel,
  ViTModel,
} from '../src/index.ts';

useEngineForTests();

const FOLDER = new URL('fixtures/vit-imgcls/', import.meta.url);
type Files = Map<string, Uint8Array>;
type Stored = Map<string, StoredTensor>;
let original: Files;
beforeAll(async () => {
  const read = async (name: string): Promise<[string, Uint8Array]> => [
    name,
    new Uint8Array(await readFile(new URL(name, FOLDER))),
  ];
  original = new Map(await Promise.all(['config.json', 'model.safetensors'].map(read)));
});

/** The fixture with other tensors or another config. */
function variant({
  tensors = (stored) => stored,
  config = (json) => json,
}: { tensors?: (stored: Stored) => Stored; config?: (json: Record<string, unknown>) => object } = {}): Files {
  const stored = new Map(parseSafetensors(original.get('model.safetensors')!).tensors);
  const json = JSON.parse(new TextDecoder().decode(original.get('config.json'))) as Record<string, unknown>;
  return new Map([
    ['model.safetensors', serializeSafetensors(tensors(stored), { metadata: { format: 'pt' } })],
    ['config.json', new TextEncoder().encode(JSON.stringify(config(json)))],
  ]);
}

const zerosOf = (shape: number[]): StoredTensor =>
  fromFloat32(new Float32Array(shape.reduce((size, axis) => size * axis, 1)), shape, 'F32');

async function saved(
  model: ViTModel | ViTForImageClassification,
  options?: Parameters<ViTModel['savePretrained']>[1],
): Promise<{ files: Files; tensors: Stored; config: Record<string, unknown> }> {
  const files: Files = new Map();
  await model.savePretrained(files, options);
  return {
    files,
    tensors: new Map(parseSafetensors(files.get('model.safetensors')!).tensors),
    config: JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>,
  };
}

const inputs = (): Promise<Map<string, Tensor>> => readGoldens(new URL('inputs.safetensors', FOLDER));
const pixels = async (): Promise<Tensor4D> => (await inputs()).get('pixel_values') as Tensor4D;

describe('the fixture', () => {
  test('has the logits, loss, hidden states and attentions of Transformers', async () => {
    using model = await ViTForImageClassification.fromPretrained(original);
    const goldens = await readGoldens(new URL('outputs.safetensors', FOLDER));
    const [images, labels] = [await pixels(), (await inputs()).get('labels') as Tensor1D];
    const { value, hiddenStates, attentions } = capture(() => model.call(images));
    const close = (found: Tensor, name: string): void =>
      expectClose(found, goldens.get(name)!, { rtol: 1e-4, atol: 1e-5 });
    close(value, 'logits');
    close(crossEntropy(value, labels), 'loss');
    hiddenStates.forEach((state, i) => close(state, `hidden_states.${i}`));
    attentions.forEach((map, i) => close(map, `attentions.${i}`));
    expect([hiddenStates.length, attentions.length]).toEqual([3, 2]);
    dispose([value, ...hiddenStates, ...attentions]);
  });

  test('comes out as the same bytes, every file', async () => {
    using model = await ViTForImageClassification.fromPretrained(original);
    const { files } = await saved(model);
    expect([...files.keys()].toSorted()).toEqual([...original.keys()].toSorted());
    for (const [name, bytes] of original) expect(Buffer.from(files.get(name)!).equals(bytes), name).toBe(true);
  });

  test('opens from a folder on disk, too', async () => {
    using fromDisk = await ViTForImageClassification.fromPretrained(FOLDER.pathname);
    using fromMemory = await ViTForImageClassification.fromPretrained(original);
    const images = await pixels();
    expectSameBits(fromDisk.call(images), fromMemory.call(images));
  });

  test('loading, saving and failing to load leak nothing', async () => {
    await expectNoLeak(async () => {
      using model = await ViTForImageClassification.fromPretrained(original);
      await saved(model);
    });
    await expectNoLeak(() =>
      expect(ViTForImageClassification.fromPretrained(variant({ tensors: () => new Map() }))).rejects.toThrow(
        'missing',
      ),
    );
  });
});

describe('names', () => {
  test.each<[string, () => PretrainedModel<never, unknown, object>]>([
    ['ViTModel', () => new ViTModel(VIT_PRESETS.testing, { maskToken: true })],
    ['ViTForImageClassification', () => new ViTForImageClassification(VIT_PRESETS.testing)],
    ['ViTForMaskedImageModeling', () => new ViTForMaskedImageModeling(VIT_PRESETS.testing)],
    ['DeiTModel', () => new DeiTModel(DEIT_PRESETS.testing, { maskToken: true })],
    ['DeiTForImageClassification', () => new DeiTForImageClassification(DEIT_PRESETS.testing)],
    ['DeiTForImageClassificationWithTeacher', () => new DeiTForImageClassificationWithTeacher(DEIT_PRESETS.testing)],
    ['DeiTForMaskedImageModeling', () => new DeiTForMaskedImageModeling(DEIT_PRESETS.testing)],
    ['ViTMAEModel', () => new ViTMAEModel(VIT_MAE_PRESETS.testing)],
    ['ViTMAEForPreTraining', () => new ViTMAEForPreTraining(VIT_MAE_PRESETS.testing)],
  ])('of a %s: one in the checkpoint for each parameter', (name, create) => {
    using model = create();
    expect(model.format.architecture).toBe(name);
    const { names } = model.format;
    const theirs = storedNames(model.namedParameters().keys(), names);
    const back = new Map(names.map(([ours, other]) => [other, ours]));
    const ours = [...theirs.values()].map(({ name: stored }) => {
      const layer = /(?<=layers?\.)\d+/.exec(stored)?.[0] ?? '';
      return back.get(stored.replace(/(?<=layers?\.)\d+/, '{i}'))?.replace('{i}', layer);
    });
    expect(ours).toEqual([...model.namedParameters().keys()]);
    expect([...theirs.values()].some(({ transpose }) => transpose)).toBe(false);
    const used = new Set([...theirs.keys()].map((path) => path.replaceAll(/\.\d+\./g, '.{i}.')));
    expect(names.filter(([path]) => !used.has(path))).toEqual([]);
  });

  test('are those of Transformers, and tensors lie as PyTorch has them', async () => {
    using model = await ViTForImageClassification.fromPretrained(original);
    const stored = parseSafetensors(original.get('model.safetensors')!).tensors;
    expect([...model.fileNames().values()].map(({ name }) => name).toSorted()).toEqual([...stored.keys()].toSorted());
    const name = 'vit.embeddings.patch_embeddings.projection.weight';
    expect(model.encoder.patches.weight.shape).toEqual([32, 3, 8, 8]);
    expectSameBits(model.encoder.patches.weight, toFloat32(stored.get(name)!));
  });
});

describe('between classes', () => {
  test('the bare model from a classifier`s folder needs its pooler; a classifier has no use for it', async () => {
    const pooler: [string, StoredTensor][] = [
      ['vit.pooler.dense.weight', zerosOf([32, 32])],
      ['vit.pooler.dense.bias', zerosOf([32])],
    ];
    const error = await expectError(() => ViTModel.fromPretrained(original), { code: 'mismatch', message: 'pooler' });
    expect((error as CheckpointError).mismatch?.missing.toSorted()).toEqual(pooler.map(([name]) => name).toSorted());

    const files = variant({ tensors: (stored) => new Map([...stored, ...pooler]) });
    using base = await ViTModel.fromPretrained(files);
    using whole = await ViTForImageClassification.fromPretrained(files);
    using plain = await ViTForImageClassification.fromPretrained(original);
    const images = await pixels();
    expectSameBits(whole.call(images), plain.call(images));
    const { hidden, pooled } = base.call(images);
    expectSameBits(hidden, plain.encoder.call(images));
    expect(valuesOf(pooled!).every((value) => value === 0)).toBe(true);
  });

  test('a new bare model is saved without prefix, and gives a classifier its weights', async () => {
    using base = new ViTModel(VIT_PRESETS.testing, { seed: 1 });
    const { files, tensors, config } = await saved(base);
    expect(config['architectures']).toEqual(['ViTModel']);
    expect([...tensors.keys()]).toEqual(expect.arrayContaining(['embeddings.cls_token', 'pooler.dense.weight']));
    using classifier = await ViTForImageClassification.fromPretrained(files, { newHead: true, seed: 5 });
    for (const [path, parameter] of base.encoder.namedParameters())
      expectSameBits(classifier.encoder.namedParameters().get(path)!, parameter);
    using back = await ViTModel.fromPretrained(files);
    expectSameBits(back.pooler!.weight, base.pooler!.weight);
  });

  test('a new head where there is none: from its seed; one that is there stays', async () => {
    const headless = variant({
      tensors: (stored) => new Map([...stored].filter(([name]) => !name.startsWith('classifier'))),
    });
    await expectError(() => ViTForImageClassification.fromPretrained(headless), {
      code: 'mismatch',
      message: 'classifier.weight',
    });
    using model = await ViTForImageClassification.fromPretrained(headless, { newHead: true, seed: 5 });
    using again = await ViTForImageClassification.fromPretrained(headless, { newHead: true, seed: 5 });
    using other = await ViTForImageClassification.fromPretrained(headless, { newHead: true, seed: 6 });
    using whole = await ViTForImageClassification.fromPretrained(original, { newHead: true, seed: 5 });
    using plain = await ViTForImageClassification.fromPretrained(original);
    expectSameBits(model.head.weight, again.head.weight);
    expect(valuesOf(model.head.weight)).not.toEqual(valuesOf(other.head.weight));
    expect(Math.hypot(...valuesOf(model.head.weight)) / Math.sqrt(160)).toBeCloseTo(0.02, 2);
    expectSameBits(whole.head.weight, plain.head.weight);
    for (const [path, parameter] of plain.encoder.namedParameters())
      expectSameBits(model.encoder.namedParameters().get(path)!, parameter);
  });
});

test('a head for other classes: the encoder stays, the head starts from its seed, and both are saved with the new names', async () => {
  const labels = ['cat', 'dog', 'owl'];
  using plain = await ViTForImageClassification.fromPretrained(original);
  using model = await ViTForImageClassification.fromPretrained(original, { newHead: true, labels, seed: 5 });
  expect(plain.config.labels).toHaveLength(5);
  expect(model.config.labels).toEqual(labels);
  expect([model.head.weight.shape, model.head.bias?.shape]).toEqual([[3, 32], [3]]);
  expect(model.origin?.fresh.toSorted()).toEqual(['classifier.bias', 'classifier.weight']);
  for (const [path, parameter] of plain.encoder.namedParameters())
    expectSameBits(model.encoder.namedParameters().get(path)!, parameter);
  expect(valuesOf(model.head.weight).every((value) => value !== 0)).toBe(true);

  const { files, config } = await saved(model);
  expect(config).toMatchObject({ id2label: { 0: 'cat', 1: 'dog', 2: 'owl' }, label2id: { cat: 0, dog: 1, owl: 2 } });
  using back = await ViTForImageClassification.fromPretrained(files);
  const images = await pixels();
  expectSameBits(back.call(images), model.call(images));
  await expectError(() => ViTForImageClassification.fromPretrained(original, { labels }), {
    code: 'config',
    message: 'labels must be given with newHead',
  });
});

test('a model that fills in patches takes a classifier`s encoder, and gives its own back', async () => {
  using filler = await ViTForMaskedImageModeling.fromPretrained(original, { newHead: true, seed: 5 });
  using plain = await ViTForImageClassification.fromPretrained(original);
  expect(filler.origin?.fresh.toSorted()).toEqual(['decoder.0.bias', 'decoder.0.weight', 'vit.embeddings.mask_token']);
  expect(filler.origin?.unused.toSorted()).toEqual(['classifier.bias', 'classifier.weight']);
  expect(valuesOf(filler.decoder.weight).every((value) => value !== 0)).toBe(true);
  const files: Files = new Map();
  await filler.savePretrained(files);
  using classifier = await ViTForImageClassification.fromPretrained(files, { newHead: true });
  for (const [path, parameter] of plain.encoder.namedParameters())
    expectSameBits(classifier.encoder.namedParameters().get(path)!, parameter);
});

describe('what does not fit', () => {
  test('missing, unexpected and mis-shaped tensors are listed at once', async () => {
    const files = variant({
      tensors: (stored) => {
        stored.delete('vit.encoder.layer.1.layernorm_after.bias');
        stored.delete('vit.embeddings.cls_token');
        return new Map([
          ...stored,
          ['vit.encoder.layer.2.layernorm_after.bias', zerosOf([32])],
          ['vit.encoder.layer.0.intermediate.dense.weight', zerosOf([32, 64])],
          ['vit.embeddings.position_embeddings', zerosOf([1, 9, 32])],
        ]);
      },
    });
    const error = await expectError(() => ViTForImageClassification.fromPretrained(files), {
      code: 'mismatch',
      message: 'the checkpoint does not fit',
    });
    const { mismatch } = error as CheckpointError;
    expect(mismatch?.missing.toSorted()).toEqual([
      'vit.embeddings.cls_token',
      'vit.encoder.layer.1.layernorm_after.bias',
    ]);
    expect(mismatch?.unexpected).toEqual(['vit.encoder.layer.2.layernorm_after.bias']);
    expect(mismatch?.misshaped.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
      { name: 'vit.embeddings.position_embeddings', expected: [1, 10, 32], found: [1, 9, 32] },
      { name: 'vit.encoder.layer.0.intermediate.dense.weight', expected: [64, 32], found: [32, 64] },
    ]);
    expect(CheckpointError.isInstance(error)).toBe(true);
  });

  test('biases that the config says there are', async () => {
    const files = variant({ config: (json) => ({ ...json, qkv_bias: true }) });
    const error = await expectError(() => ViTForImageClassification.fromPretrained(files), {
      code: 'mismatch',
      message: 'vit.encoder.layer.0.attention.attention.query.bias (and 5 more)',
    });
    const { mismatch } = error as CheckpointError;
    expect(mismatch?.missing).toHaveLength(6);
    expect(mismatch?.missing).toContain('vit.encoder.layer.1.attention.attention.value.bias');
  });

  test.each<[string, object, string]>([
    ['another model type', { model_type: 'deit' }, 'model_type must be "vit", got "deit"'],
    ['no model type', { model_type: undefined }, 'model_type must be "vit", got undefined'],
    ['impossible sizes', { num_attention_heads: 5 }, 'dim must be divisible by numHeads, got 32 and 5'],
    ['a model beyond any memory', { hidden_size: 2 ** 20, num_attention_heads: 1 }, 'a model may have up to'],
  ])('%s', async (_, keys, message) => {
    const files = variant({ config: (json) => ({ ...json, ...keys }) });
    await expectError(() => ViTForImageClassification.fromPretrained(files), { code: 'config', message });
  });
});

describe('the config', () => {
  test('what the user changed is written, and nothing else', async () => {
    using model = await ViTForImageClassification.fromPretrained(original);
    Object.assign(model.config, { dropout: 0.25 });
    const before = JSON.parse(new TextDecoder().decode(original.get('config.json'))) as object;
    expect((await saved(model)).config).toEqual({ ...before, hidden_dropout_prob: 0.25 });
  });

  test('of a new model: what Transformers needs, and every value comes back', async () => {
    using model = new ViTForImageClassification({
      ...{ imageSize: [8, 12], patchSize: [2, 4], numChannels: 2, dim: 8, numHeads: 2, numLayers: 1, hiddenDim: 12 },
      ...{ activation: 'silu', dropout: 0.3, attentionDropout: 0.2, normEpsilon: 1e-6, initStd: 0.1, qkvBias: false },
      ...{ poolerDim: 5, poolerActivation: 'relu', labels: ['cat', 'dog', 'owl'] },
    });
    const { files, config } = await saved(model);
    expect(config).toMatchObject({
      model_type: 'vit',
      architectures: ['ViTForImageClassification'],
      dtype: 'float32',
      image_size: [8, 12],
      patch_size: [2, 4],
      hidden_act: 'silu',
      qkv_bias: false,
      id2label: { 0: 'cat', 1: 'dog', 2: 'owl' },
      label2id: { cat: 0, dog: 1, owl: 2 },
    });
    using loaded = await ViTForImageClassification.fromPretrained(files);
    expect(loaded.config).toEqual(model.config);
  });
});

test.each(['F16', 'BF16'] as const)('%s widens to float32, and is written back as it was', async (dtype) => {
  const files: Files = new Map();
  {
    using source = await ViTForImageClassification.fromPretrained(original);
    await source.savePretrained(files, { dtype });
  }
  using model = await ViTForImageClassification.fromPretrained(files);
  using plain = await ViTForImageClassification.fromPretrained(original);
  const images = await pixels();
  expectClose(model.call(images), plain.call(images), { rtol: 0.05, atol: 0.05 });
  const { files: again } = await saved(model);
  expect(Buffer.from(again.get('model.safetensors')!).equals(files.get('model.safetensors')!)).toBe(true);
});
