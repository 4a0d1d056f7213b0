import { parseSafetensors, serializeSafetensors, type StoredTensor } from '@formers/checkpoints';
import { valueAndGradients } from '@formers/backend';
import { add, slice, tensor, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectSameBits,
  randomIds,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import {
  Marian,
  MARIAN_PRESETS,
  marianConfig,
  marianConfigFromHuggingFace,
  type MarianOptions,
  Transformer,
} from '../src/index.ts';

useEngineForTests();

const SMALL: MarianOptions = { vocabSize: 40, padTokenId: 39, ...MARIAN_PRESETS.testing };
const ids = (): Tensor2D => randomIds<Tensor2D>([2, 7], { bound: 39 });
const target = (): Tensor2D => randomIds<Tensor2D>([2, 5], { bound: 39, seed: 1 });

async function saved(model: Marian): Promise<{ files: Map<string, Uint8Array>; tensors: Map<string, StoredTensor> }> {
  const files = new Map<string, Uint8Array>();
  await model.savePretrained(files);
  return { files, tensors: new Map(parseSafetensors(files.get('model.safetensors')!).tensors) };
}

test('positions of sines before cosines are a reordering: the same Transformer otherwise', () => {
  using marian = new Marian({ ...SMALL, activation: 'relu', initStd: 0.2 });
  using transformer = new Transformer({
    vocabSize: 40,
    contextLength: 24,
    dim: 32,
    hiddenDim: 64,
    numHeads: 4,
    numLayers: 2,
    padTokenId: 39,
    decoderStartTokenId: 39,
  });
  // Column 2i of the paper's table is column i here, column 2i + 1 is column 16 + i.
  const columns = Array.from({ length: 32 }, (_, j) => (j % 2 === 0 ? j / 2 : 16 + (j - 1) / 2));
  const theirs = marian.namedParameters();
  const reorder = (values: number[], width: number): number[] =>
    values.map((_, i) => values[Math.floor(i / width) * width + columns[i % width]!]!);
  const rows = (values: number[], width: number): number[] =>
    columns.flatMap((row) => values.slice(row * width, (row + 1) * width));
  for (const [path, parameter] of transformer.namedParameters()) {
    const fused = path.replace(/queryKeyValue/, '');
    const parts =
      fused === path ? [path] : ['query', 'key', 'value'].map((name) => path.replace('queryKeyValue', name));
    let values = parts.flatMap((name) => valuesOf(theirs.get(name)!));
    const readsStream = path.endsWith('weight') && parameter.rank === 2 && !path.includes('.output.');
    if (readsStream || parameter.shape.join() === '32') values = reorder(values, 32);
    else if (path.includes('.output.')) values = rows(values, parameter.shape[1]!); // what writes into the stream
    parameter.assign(tensor(values, parameter.shape));
  }
  expectClose(marian.call(ids(), { decoderIds: target() }), transformer.call(ids(), { decoderIds: target() }), {
    rtol: 1e-4,
    atol: 1e-4,
  });
});

test('the bias is added to the logits, and is not trained', () => {
  using model = new Marian(SMALL);
  const [source, decoderIds] = [ids(), target()];
  const before = model.call(source, { decoderIds });
  model.logitsBias.assign(randomTensor<Tensor2D>([1, 40]));
  expectClose(model.call(source, { decoderIds }), add(before, model.logitsBias), { atol: 1e-5 });
  expect(model.logitsBias.trainable).toBe(false);
  model.resizeVocabulary(44);
  expect([model.logitsBias.trainable, model.logitsBias.shape, model.config.sourceVocabSize]).toEqual([
    false,
    [1, 44],
    44,
  ]);
});

test('padding is not learned', () => {
  using model = new Marian({ ...SMALL, shareEmbeddings: false });
  const padded = tensor2d([[3, 39, 4]], [1, 3], 'int32');
  const { gradients } = valueAndGradients(() => model.loss(padded, { targets: padded }), [model.sourceTokens!.weight]);
  const row = (id: number): number[] => valuesOf(slice(gradients[0] as Tensor2D, [id, 0], [1, -1]));
  expect(row(39).every((value) => value === 0)).toBe(true);
  expect(row(3).some((value) => value !== 0)).toBe(true);
});

test('files of old releases hold position tables and copies of tied weights, which nobody needs', async () => {
  using model = new Marian(SMALL);
  const { files, tensors } = await saved(model);
  expect([...tensors.keys()].filter((name) => !name.includes('layers'))).toEqual([
    'final_logits_bias',
    'model.shared.weight',
  ]);
  const table = tensors.get('model.shared.weight')!;
  const position = { ...table, shape: [24, 32], bytes: table.bytes.slice(0, 24 * 32 * 4) };
  for (const [name, tensor] of [
    ['lm_head.weight', table],
    ['model.encoder.embed_tokens.weight', table],
    ['model.decoder.embed_tokens.weight', table],
    ['model.encoder.embed_positions.weight', position],
    ['model.decoder.embed_positions.weight', position],
  ] as const)
    tensors.set(name, tensor);
  files.set('model.safetensors', serializeSafetensors(tensors));
  using loaded = await Marian.fromPretrained(files);
  expectSameBits(loaded.call(ids(), { decoderIds: target() }), model.call(ids(), { decoderIds: target() }));
});

test.each<[Partial<MarianOptions>, string[]]>([
  [{}, ['model.shared.weight']],
  [{ sourceVocabSize: 45 }, ['model.decoder.embed_tokens.weight', 'model.encoder.embed_tokens.weight']],
  [
    { shareEmbeddings: false, tieEmbeddings: false },
    ['lm_head.weight', 'model.decoder.embed_tokens.weight', 'model.encoder.embed_tokens.weight'],
  ],
])('tables of %j', async (options, names) => {
  using model = new Marian({ ...SMALL, ...options });
  const { files, tensors } = await saved(model);
  expect([...tensors.keys()].filter((name) => !/layers|bias/.test(name)).toSorted()).toEqual(names);
  using loaded = await Marian.fromPretrained(files);
  expect(loaded.config).toEqual(model.config);
});

test('what no model can be built from is refused', async () => {
  await expectError(() => marianConfig({ ...SMALL, padTokenId: 40 }), {
    code: 'config',
    message: 'padTokenId must be in the vocabulary, got 40',
  });
  await expectError(() => marianConfig({ ...SMALL, numDecoderHeads: 3 }), {
    code: 'config',
    message: 'numDecoderHeads, got 32, 4 and 3',
  });
  await expectError(() => marianConfigFromHuggingFace({ d_model: '8' }), { code: 'config', message: 'dim must be' });
});
