import {
  type CheckpointError,
  type JsonObject,
  parseSafetensors,
  serializeSafetensors,
  type StoredTensor,
} from '@formers/checkpoints';
import { add, type Scalar, sum, tensor1d, type Tensor2D, tensor2d, type Tensor3D } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectNoLeak,
  expectSameBits,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import {
  Embedding,
  type InitOptions,
  initStream,
  labelsFromHuggingFace,
  labelsToHuggingFace,
  LayerNorm,
  Linear,
  loadPretrained,
  normal,
  type PretrainedFormat,
  PretrainedModel,
  type PretrainedOptions,
  type ProblemType,
} from '../src/index.ts';

useEngineForTests();

type Files = Map<string, Uint8Array>;

interface ToyConfig {
  vocabSize: number;
  labels: string[];
  problemType: ProblemType | undefined;
}

const FORMAT: PretrainedFormat<ToyConfig> = {
  modelType: 'toy',
  architecture: 'ToyTagger',
  basePrefix: 'toy.',
  isBase: false,
  names: [
    ['tokens.weight', 'toy.words.weight'],
    ['norm.weight', 'toy.LayerNorm.weight'],
    ['norm.bias', 'toy.LayerNorm.bias'],
    ['output.weight', 'words.weight'],
    ['head.weight', 'tagger.weight'],
    ['head.bias', 'tagger.bias'],
  ],
  ignored: [/^toy\.ids$/],
  oldEndings: [
    ['LayerNorm.weight', 'LayerNorm.gamma'],
    ['LayerNorm.bias', 'LayerNorm.beta'],
  ],
  vocabulary: ['tokens.weight', 'output.weight', 'not.in.this.model'],
  parseConfig: (json) => ({
    vocabSize: Number(json['vocab_size']),
    labels: labelsFromHuggingFace(json),
    problemType: (json['problem_type'] ?? undefined) as ProblemType | undefined,
  }),
  serializeConfig: ({ vocabSize, labels, problemType }): JsonObject => ({
    vocab_size: vocabSize,
    ...labelsToHuggingFace(labels),
    ...(problemType && { problem_type: problemType }),
  }),
};

/** A tagger with two tables of tokens, one of them in two places. */
class Toy extends PretrainedModel<[ids: Tensor2D], Scalar, ToyConfig> {
  readonly format: PretrainedFormat<ToyConfig> = FORMAT;
  readonly config: ToyConfig;
  tokens: Embedding;
  norm: LayerNorm<Tensor3D>;
  output: Linear;
  head: Linear;
  tied: Embedding;

  constructor(config: ToyConfig, init: InitOptions = {}) {
    super();
    const random = initStream(init);
    this.config = config;
    this.tokens = new Embedding({ vocabSize: config.vocabSize, dim: 4, init: normal(1), random });
    this.norm = new LayerNorm({ dim: 4 });
    this.output = new Linear({ inDim: 4, outDim: config.vocabSize, bias: false, random });
    this.head = new Linear({ inDim: 4, outDim: config.labels.length, random: initStream(init, 'head-init') });
    this.tied = this.tokens;
  }

  protected override forward(ids: Tensor2D): Scalar {
    const x = this.norm.call(this.tied.call(ids));
    return add(sum(this.head.call(x)), sum(this.output.call(x)));
  }

  static fromPretrained(files: Files, options?: PretrainedOptions): Promise<Toy> {
    return loadPretrained(files, { format: FORMAT, create: (config, init) => new Toy(config, init), options });
  }
}

const config = (more: Partial<ToyConfig> = {}): ToyConfig => ({
  vocabSize: 6,
  labels: ['a', 'b', 'c'],
  problemType: undefined,
  ...more,
});
async function savedBy(model: Toy): Promise<Files> {
  const files: Files = new Map();
  await model.savePretrained(files);
  return files;
}
const json = (files: Files): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>;
const stored = (files: Files): Map<string, StoredTensor> =>
  new Map(parseSafetensors(files.get('model.safetensors')!).tensors);
const ids = (): Tensor2D => tensor2d([[0, 3, 2]], [1, 3], 'int32');

describe('resizeVocabulary', () => {
  test.each([9, 4, 6])('to %i: rows stay (bits), new ones are the mean, wherever the parameter is', (size) => {
    using model = new Toy(config(), { seed: 1 });
    const before = [model.tokens.weight, model.output.weight].map((parameter) => valuesOf(parameter));
    const others = [model.norm.weight, model.head.weight];
    model.resizeVocabulary(size);
    expect(model.config.vocabSize).toBe(size);
    expect(model.tied.weight).toBe(model.tokens.weight);
    expect([model.norm.weight, model.head.weight]).toEqual(others);
    [model.tokens.weight, model.output.weight].forEach((parameter, i) => {
      expect(parameter.shape).toEqual([size, 4]);
      const [was, now] = [before[i]!, valuesOf(parameter)];
      expectSameBits(now.slice(0, 24), was.slice(0, Math.min(size * 4, 24)));
      const average = Array.from({ length: 4 }, (_, column) =>
        [0, 1, 2, 3, 4, 5].reduce((total, row) => total + was[row * 4 + column]! / 6, 0),
      );
      for (let row = 6; row < size; row++) expectClose(now.slice(row * 4, row * 4 + 4), average);
    });
  });

  test('frees the old parameters', async () => {
    using model = new Toy(config(), { seed: 1 });
    await expectNoLeak(() => model.resizeVocabulary(20));
    await expectNoLeak(() => model.resizeVocabulary(3));
  });

  test('is saved and loaded with its size', async () => {
    using model = new Toy(config(), { seed: 1 });
    const files = await savedBy(model);
    using loaded = await Toy.fromPretrained(files);
    loaded.resizeVocabulary(8);
    const again = await savedBy(loaded);
    expect(json(again)).toEqual({ ...json(files), vocab_size: 8 });
    using back = await Toy.fromPretrained(again);
    expectSameBits(back.tokens.weight, loaded.tokens.weight);
    expectSameBits(back.call(ids()), loaded.call(ids()));
  });

  test.each([0, -3, 2.5, NaN, Infinity])('to %d is refused', async (size) => {
    using model = new Toy(config(), { seed: 1 });
    await expectError(() => model.resizeVocabulary(size), { code: 'config', message: `at least 1, got ${size}` });
  });

  test('of a model without tokens is refused', async () => {
    class Silent extends Toy {
      override readonly format: PretrainedFormat<ToyConfig> = { ...FORMAT, vocabulary: [] };
    }
    using model = new Silent(config(), { seed: 1 });
    await expectError(() => model.resizeVocabulary(8), { code: 'config', message: 'a ToyTagger has no vocabulary' });
  });
});

describe('a new head', () => {
  test('has other classes; the base keeps its bits; a stored head of another shape is left', async () => {
    using model = new Toy(config(), { seed: 1 });
    const files = await savedBy(model);
    const labels = ['x', 'y', 'z', 'w'];
    using other = await Toy.fromPretrained(files, { newHead: true, labels, seed: 7 });
    expect(other.config.labels).toEqual(labels);
    expect(other.head.weight.shape).toEqual([4, 4]);
    expect(other.origin?.fresh).toEqual(['tagger.weight', 'tagger.bias']);
    expectSameBits(other.tokens.weight, model.tokens.weight);
    using same = await Toy.fromPretrained(files, { newHead: true, labels, seed: 7 });
    using different = await Toy.fromPretrained(files, { newHead: true, labels, seed: 8 });
    expectSameBits(same.head.weight, other.head.weight);
    expect(valuesOf(different.head.weight)).not.toEqual(valuesOf(other.head.weight));
    labels.push('later');
    expect(other.config.labels).toHaveLength(4); // the caller's array stays the caller's
  });

  test('of as many classes keeps the stored one, under the new names', async () => {
    using model = new Toy(config(), { seed: 1 });
    using renamed = await Toy.fromPretrained(await savedBy(model), { newHead: true, labels: ['x', 'y', 'z'] });
    expect(renamed.origin?.fresh).toEqual([]);
    expectSameBits(renamed.head.weight, model.head.weight);
  });

  test('forgets what the old one predicted, and leaves nothing of its labels in the file', async () => {
    using model = new Toy(config({ labels: ['score'], problemType: 'regression' }), { seed: 1 });
    const files = await savedBy(model);
    const withCount = new Map([
      ...files,
      ['config.json', new TextEncoder().encode(JSON.stringify({ ...json(files), num_labels: 1, extra: [1] }))],
    ]);
    using two = await Toy.fromPretrained(withCount, { newHead: true, labels: ['LABEL_0', 'LABEL_1'] });
    expect(two.config.problemType).toBeUndefined();
    const again = await savedBy(two);
    expect(Object.keys(json(again)).toSorted()).toEqual([
      'architectures',
      'dtype',
      'extra',
      'model_type',
      'vocab_size',
    ]);
    using back = await Toy.fromPretrained(again);
    expect(back.config).toEqual(two.config);
  });

  const withTensors = (files: Files, change: (tensors: Map<string, StoredTensor>) => void): Files => {
    const tensors = stored(files);
    change(tensors);
    return new Map([...files, ['model.safetensors', serializeSafetensors(tensors)]]);
  };

  test('is hinted at where only the head does not fit; the error names the tensors of the other head, too', async () => {
    using model = new Toy(config(), { seed: 1 });
    const files = withTensors(await savedBy(model), (tensors) => {
      tensors.set('sorter.weight', tensors.get('tagger.weight')!);
      tensors.delete('tagger.weight');
      tensors.set('tagger.bias', tensors.get('toy.LayerNorm.bias')!);
    });
    const error = await expectError(() => Toy.fromPretrained(files), { code: 'mismatch', message: 'newHead: true' });
    expect((error as CheckpointError).mismatch).toEqual({
      missing: ['tagger.weight'],
      unexpected: ['sorter.weight'],
      misshaped: [{ name: 'tagger.bias', expected: [3], found: [4] }],
      headOnly: true,
    });
    expect(error.message.split('\n')).toHaveLength(1);
    for (const name of ['tagger.weight', 'sorter.weight', 'tagger.bias: wanted [3], got [4]'])
      expect(error.message).toContain(name);
    using opened = await Toy.fromPretrained(files, { newHead: true });
    expect(opened.origin?.unused).toContain('sorter.weight');
    expect(opened.origin?.fresh).toEqual(['tagger.weight', 'tagger.bias']);
  });

  test.each<[string, (tensors: Map<string, StoredTensor>) => void, boolean]>([
    ['a tensor of the base is missing', (tensors) => void tensors.delete('toy.LayerNorm.bias'), false],
    ['the base has one too many', (tensors) => void tensors.set('toy.more', tensors.get('tagger.bias')!), false],
    ['a new head is made already', (tensors) => void tensors.delete('toy.LayerNorm.bias'), true],
  ])('is not hinted at where it would not help: %s', async (_, change, newHead) => {
    using model = new Toy(config(), { seed: 1 });
    const files = withTensors(await savedBy(model), (tensors) => {
      tensors.set('sorter.weight', tensors.get('tagger.weight')!);
      tensors.delete('tagger.weight');
      change(tensors);
    });
    const error = await expectError(() => Toy.fromPretrained(files, { newHead }), {
      code: 'mismatch',
      message: 'does not fit',
    });
    const { mismatch } = error as CheckpointError;
    expect(mismatch?.unexpected).toContain('sorter.weight');
    expect(mismatch?.headOnly).toBeUndefined();
    expect(error.message).not.toContain('newHead');
  });

  test('must be asked for when labels are given', async () => {
    using model = new Toy(config(), { seed: 1 });
    const files = await savedBy(model);
    await expectError(() => Toy.fromPretrained(files, { labels: ['x'] }), {
      code: 'config',
      message: 'labels must be given with newHead',
    });
  });
});

describe('old names', () => {
  test('are read, and written again', async () => {
    using model = new Toy(config(), { seed: 1 });
    model.norm.bias.assign(tensor1d([1, 2, 3, 4]));
    const files = await savedBy(model);
    const rename = (name: string): string =>
      name.replace('Norm.weight', 'Norm.gamma').replace('Norm.bias', 'Norm.beta');
    const old = new Map([
      ...files,
      [
        'model.safetensors',
        serializeSafetensors(new Map([...stored(files)].map(([name, tensor]) => [rename(name), tensor])), {
          metadata: { format: 'pt' },
        }),
      ],
    ]);
    using loaded = await Toy.fromPretrained(old);
    expectSameBits(loaded.norm.bias, [1, 2, 3, 4]);
    expect(loaded.fileNames().get('norm.bias')?.name).toBe('toy.LayerNorm.beta');
    const again = await savedBy(loaded);
    expect(again.get('model.safetensors')).toEqual(old.get('model.safetensors'));
  });

  test('beside the new ones are unexpected', async () => {
    using model = new Toy(config(), { seed: 1 });
    const files = await savedBy(model);
    const tensors = stored(files);
    tensors.set('toy.LayerNorm.gamma', tensors.get('toy.LayerNorm.weight')!);
    files.set('model.safetensors', serializeSafetensors(tensors));
    await expectError(() => Toy.fromPretrained(files), { code: 'mismatch', message: 'toy.LayerNorm.weight' });
  });
});
