import { readFile, readdir } from 'node:fs/promises';

import { valueAndGradients } from '@formers/backend';
import { fromFloat32, parseSafetensors, serializeSafetensors, type StoredTensor } from '@formers/checkpoints';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectNoLeak,
  expectSameBits,
  readGoldens,
  useEngineForTests,
} from '../../testing/src/index.ts';
import {
  T5,
  T5_PRESETS,
  T5EncoderModel,
  T5ForQuestionAnswering,
  T5ForSequenceClassification,
  T5ForTokenClassification,
  T5Model,
  type T5Options,
} from '../src/index.ts';

useEngineForTests();

type Files = Map<string, Uint8Array>;
type Stored = Map<string, StoredTensor>;
const SAVED = ['config.json', 'generation_config.json', 'model.safetensors'];
const folderOf = (name: string): URL => new URL(`fixtures/${name}/`, import.meta.url);

/** A fixture's files, with other tensors or another config where told. */
async function filesOf(
  name: string,
  {
    tensors = (stored) => stored,
    config = (json) => json,
  }: { tensors?: (stored: Stored) => Stored; config?: (json: Record<string, unknown>) => object } = {},
): Promise<Files> {
  const files = new Map<string, Uint8Array>();
  for (const file of await readdir(folderOf(name)))
    files.set(file, new Uint8Array(await readFile(new URL(file, folderOf(name)))));
  const stored = tensors(new Map(parseSafetensors(files.get('model.safetensors')!).tensors));
  const json = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>;
  return new Map([
    ...files,
    ['model.safetensors', serializeSafetensors(stored, { metadata: { format: 'pt' } })],
    ['config.json', new TextEncoder().encode(`${JSON.stringify(config(json), null, 2)}\n`)],
  ]);
}

async function inputsOf(name: string): Promise<{ ids: Tensor2D; attentionMask: Tensor2D; targets: Tensor2D }> {
  const inputs = await readGoldens(new URL('inputs.safetensors', folderOf(name)));
  const [ids, attentionMask, targets] = ['input_ids', 'attention_mask', 'labels'].map(
    (one) => inputs.get(one) as Tensor2D,
  );
  return { ids: ids!, attentionMask: attentionMask!, targets: targets! };
}

const isSame = (left: Uint8Array | undefined, right: Uint8Array | undefined): boolean =>
  left !== undefined && right !== undefined && Buffer.from(left).equals(right);

describe.each(['t5', 't5-v1_1'])('the fixture %s', (name) => {
  test('has the logits and the loss of Transformers', async () => {
    using model = await T5.fromPretrained(folderOf(name).pathname);
    const { ids, attentionMask, targets } = await inputsOf(name);
    const goldens = await readGoldens(new URL('outputs.safetensors', folderOf(name)));
    const decoderIds = model.model.shiftRight(targets);
    expectClose(model.call(ids, { decoderIds, attentionMask }), goldens.get('logits')!, { rtol: 1e-4, atol: 1e-5 });
    expectClose(model.loss(ids, { targets, attentionMask }), goldens.get('loss')!, { rtol: 1e-4 });
  });

  test('comes out as the same bytes, every file; loading and saving leak nothing', async () => {
    const saved: Files = new Map();
    await expectNoLeak(async () => {
      using model = await T5.fromPretrained(folderOf(name).pathname);
      await model.savePretrained(saved);
    });
    expect([...saved.keys()].toSorted()).toEqual(SAVED);
    for (const file of SAVED)
      expect(isSame(saved.get(file), await readFile(new URL(file, folderOf(name)))), file).toBe(true);
  });
});

describe('the head', () => {
  const lmHead = 'lm_head.weight';

  test('v1.1 is the same model from the config of published checkpoints', async () => {
    const files = await filesOf('t5-v1_1');
    const { ids } = await inputsOf('t5-v1_1');
    using model = await T5.fromPretrained(files);
    using legacy = await T5.fromPretrained(new Map([...files, ['config.json', files.get('config.legacy.json')!]]));
    expect(legacy.config).toEqual(model.config);
    expect(model.config).toMatchObject({
      tieEmbeddings: false,
      scaleOutputs: false,
      gated: true,
      activation: 'geluTanh',
    });
    expectSameBits(legacy.call(ids, { decoderIds: ids }), model.call(ids, { decoderIds: ids }));
  });

  test('that is a copy of the token embedding is tied; another one is its own, whatever the config says', async () => {
    const withHead = (head: (stored: Stored) => StoredTensor) => (stored: Stored) =>
      new Map([...stored, [lmHead, head(stored)]]);
    const copied = await filesOf('t5', { tensors: withHead((stored) => stored.get('shared.weight')!) });
    using tied = await T5.fromPretrained(copied);
    using plain = await T5.fromPretrained(await filesOf('t5'));
    expect(tied.head).toBeUndefined();
    expect(tied.origin?.unused).toEqual([lmHead]);
    const zeros = fromFloat32(new Float32Array(60 * 20), [60, 20], 'F32');
    using apart = await T5.fromPretrained(await filesOf('t5', { tensors: withHead(() => zeros) }));
    const { ids, targets } = await inputsOf('t5');
    expectSameBits(tied.loss(ids, { targets }), plain.loss(ids, { targets }));
    expectClose(apart.loss(ids, { targets }), Math.log(60));
    expect(apart.config.scaleOutputs).toBe(true);
  });

  test('copies of the token embedding and the first checkpoints` odd bias are passed over', async () => {
    const files = await filesOf('t5', {
      tensors: (stored) =>
        new Map([
          ...stored,
          ['encoder.embed_tokens.weight', stored.get('shared.weight')!],
          ['decoder.embed_tokens.weight', stored.get('shared.weight')!],
          [
            'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight',
            fromFloat32(new Float32Array(24), [8, 3], 'F32'),
          ],
        ]),
    });
    using model = await T5.fromPretrained(files);
    const saved: Files = new Map();
    await model.savePretrained(saved);
    expect(isSame(saved.get('model.safetensors'), (await filesOf('t5')).get('model.safetensors'))).toBe(true);
  });
});

describe('a checkpoint opens as', () => {
  test('the encoder of a whole model, with the states that it has there', async () => {
    const files = await filesOf('t5-v1_1');
    using whole = await T5.fromPretrained(files);
    using encoder = await T5EncoderModel.fromPretrained(files);
    const { ids, attentionMask } = await inputsOf('t5-v1_1');
    expectSameBits(encoder.call(ids, { attentionMask }), whole.encode(ids, { attentionMask }));
    expect(encoder.origin?.unused.every((one) => /^(decoder\.|lm_head)/.test(one))).toBe(true);
    expect([...encoder.fileNames().values()].some(({ name }) => name.startsWith('decoder'))).toBe(false);
  });

  test('the bare model', async () => {
    const files = await filesOf('t5-v1_1');
    using whole = await T5.fromPretrained(files);
    using bare = await T5Model.fromPretrained(files);
    const { ids } = await inputsOf('t5-v1_1');
    expectSameBits(bare.call(ids, { decoderIds: ids }), whole.model.call(ids, { decoderIds: ids }));
    expect(bare.origin?.unused).toEqual(['lm_head.weight']);
  });

  test.each([
    ['T5ForSequenceClassification', T5ForSequenceClassification, 'classification_head.dense.weight'],
    ['T5ForTokenClassification', T5ForTokenClassification, 'classifier.weight'],
    ['T5ForQuestionAnswering', T5ForQuestionAnswering, 'qa_outputs.weight'],
  ] as const)('%s, with a new head when asked', async (name, type, missing) => {
    const files = await filesOf('t5');
    await expectError(() => type.fromPretrained(files), { code: 'mismatch', message: missing });
    using model = await type.fromPretrained(files, { newHead: true, seed: 4 });
    using again = await type.fromPretrained(files, { newHead: true, seed: 4 });
    using whole = await T5.fromPretrained(files);
    expect(model.origin?.fresh).toContain(missing);
    expectSameBits(model.head.weight, again.head.weight);
    expectSameBits(model.model.tokens.weight, whole.model.tokens.weight);
    expectSameBits(model.model.encoder.norm.weight, whole.model.encoder.norm.weight);
    const saved: Files = new Map();
    await model.savePretrained(saved);
    using loaded = await type.fromPretrained(saved);
    expectSameBits(loaded.head.weight, model.head.weight);
    expect(JSON.parse(new TextDecoder().decode(saved.get('config.json')))).toMatchObject({ architectures: [name] });
    using bare = await T5EncoderModel.fromPretrained(saved); // from under a prefix, too
    expectSameBits(bare.encoder.norm.weight, whole.model.encoder.norm.weight);
  });
});

test('missing and unexpected tensors are listed at once', async () => {
  const files = await filesOf('t5', {
    tensors: (stored) => {
      stored.delete('encoder.final_layer_norm.weight');
      return new Map([
        ...stored,
        ['encoder.block.7.layer.0.layer_norm.weight', fromFloat32(new Float32Array(20), [20], 'F32')],
      ]);
    },
  });
  const error = await expectError(() => T5.fromPretrained(files), { code: 'mismatch', message: 'final_layer_norm' });
  expect(error.message).toContain('encoder.block.7.layer.0.layer_norm.weight');
});

test('F16 weights beyond its range while computing stay finite: they are widened', async () => {
  const large = (stored: Stored): Stored =>
    new Map(
      [...stored].map(([name, { shape }]) => {
        const size = shape.reduce((product, axis) => product * axis, 1);
        return [name, fromFloat32(new Float32Array(size).fill(name.endsWith('wo.weight') ? 60000 : 0.5), shape, 'F16')];
      }),
    );
  using model = await T5.fromPretrained(await filesOf('t5', { tensors: large }));
  const { ids, targets } = await inputsOf('t5');
  const { value, gradients } = valueAndGradients(() => model.loss(ids, { targets }), model.parameters());
  for (const one of [value, ...gradients]) expect([...one.dataSync()].every(Number.isFinite)).toBe(true);
});

test('a new model of other options comes back with all of them', async () => {
  const options: T5Options = {
    vocabSize: 20,
    ...T5_PRESETS.testing,
    numDecoderLayers: 1,
    activation: 'silu',
    gated: true,
    dropout: 0.3,
    initFactor: 0.5,
    tieEmbeddings: false,
    labels: ['x', 'y', 'z'],
    problemType: 'regression',
    padTokenId: 2,
    eosTokenId: 3,
    decoderStartTokenId: 4,
  };
  using model = new T5(options);
  const saved: Files = new Map();
  await model.savePretrained(saved);
  using loaded = await T5.fromPretrained(saved);
  expect(loaded.config).toEqual(model.config);
  expect(JSON.parse(new TextDecoder().decode(saved.get('config.json')))).toMatchObject({
    model_type: 't5',
    feed_forward_proj: 'gated-silu',
    tie_word_embeddings: false,
    scale_decoder_outputs: false,
    decoder_start_token_id: 4,
  });
});
