import { readFile, readdir } from 'node:fs/promises';

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
  BART,
  BART_PRESETS,
  BARTForQuestionAnswering,
  BARTForSequenceClassification,
  BARTModel,
  type BARTOptions,
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

describe.each(['bart', 'bart-untied'])('the fixture %s', (name) => {
  test('has the logits and the loss of Transformers', async () => {
    using model = await BART.fromPretrained(folderOf(name).pathname);
    const { ids, attentionMask, targets } = await inputsOf(name);
    const goldens = await readGoldens(new URL('outputs.safetensors', folderOf(name)));
    const decoderIds = model.model.shiftRight(targets);
    expectClose(model.call(ids, { decoderIds, attentionMask }), goldens.get('logits')!, { rtol: 1e-4, atol: 1e-5 });
    expectClose(model.loss(ids, { targets, attentionMask }), goldens.get('loss')!, { rtol: 1e-4 });
  });

  test('comes out as the same bytes, every file; loading and saving leak nothing', async () => {
    const saved: Files = new Map();
    await expectNoLeak(async () => {
      using model = await BART.fromPretrained(folderOf(name).pathname);
      await model.savePretrained(saved);
    });
    expect([...saved.keys()].toSorted()).toEqual(SAVED);
    for (const file of SAVED)
      expect(isSame(saved.get(file), await readFile(new URL(file, folderOf(name)))), file).toBe(true);
  });
});

describe('tables that are copies', () => {
  test('are tied; others are their own, whatever the config says', async () => {
    const tables = ['lm_head.weight', 'model.encoder.embed_tokens.weight', 'model.decoder.embed_tokens.weight'];
    const withTables = (table: (stored: Stored) => StoredTensor) => (stored: Stored) =>
      new Map([...stored, ...tables.map((name): [string, StoredTensor] => [name, table(stored)])]);
    const copied = await filesOf('bart', { tensors: withTables((stored) => stored.get('model.shared.weight')!) });
    using tied = await BART.fromPretrained(copied);
    using plain = await BART.fromPretrained(await filesOf('bart'));
    expect([tied.head, tied.model.sourceTokens, tied.model.targetTokens]).toEqual([undefined, undefined, undefined]);
    const { ids, targets } = await inputsOf('bart');
    expectSameBits(tied.loss(ids, { targets }), plain.loss(ids, { targets }));
    const saved: Files = new Map();
    await tied.savePretrained(saved);
    expect(isSame(saved.get('model.safetensors'), (await filesOf('bart')).get('model.safetensors'))).toBe(true);

    const zeros = fromFloat32(new Float32Array(60 * 20), [60, 20], 'F32');
    using apart = await BART.fromPretrained(await filesOf('bart', { tensors: withTables(() => zeros) }));
    expect(apart.config).toMatchObject({ tieEmbeddings: false, shareEmbeddings: false });
    for (const { weight } of [apart.head!, apart.model.sourceTokens!, apart.model.targetTokens!])
      expect([...weight.dataSync()].every((value) => value === 0)).toBe(true);
  });

  test('of older releases, whose untied files have one table for source and target', async () => {
    const files = await filesOf('bart-untied', {
      tensors: (stored) => new Map([...stored].filter(([name]) => !name.includes('embed_tokens'))),
    });
    using model = await BART.fromPretrained(files);
    expect(model.config).toMatchObject({ tieEmbeddings: false, shareEmbeddings: true });
    const saved: Files = new Map();
    await model.savePretrained(saved);
    expect(isSame(saved.get('model.safetensors'), files.get('model.safetensors'))).toBe(true);
  });
});

describe('a checkpoint opens as', () => {
  test('the bare model, and that one as the whole: without a bias of the logits', async () => {
    const files = await filesOf('bart');
    using whole = await BART.fromPretrained(files);
    using bare = await BARTModel.fromPretrained(files);
    const { ids } = await inputsOf('bart');
    expectSameBits(bare.call(ids), whole.model.call(ids));
    expect(bare.origin?.unused).toEqual(['final_logits_bias']);
    using again = await BART.fromPretrained(
      await filesOf('bart', {
        tensors: (stored) =>
          new Map(
            [...stored]
              .filter(([name]) => name !== 'final_logits_bias')
              .map(([name, tensor]) => [name.replace(/^model\./, ''), tensor]),
          ),
      }),
    );
    expect(again.logitsBias).toBeUndefined();
    expectSameBits(again.model.call(ids), whole.model.call(ids));
  });

  test.each([
    ['BartForSequenceClassification', BARTForSequenceClassification, 'classification_head.dense.weight'],
    ['BartForQuestionAnswering', BARTForQuestionAnswering, 'qa_outputs.weight'],
  ] as const)('%s, with a new head when asked', async (name, type, missing) => {
    const files = await filesOf('bart');
    await expectError(() => type.fromPretrained(files), { code: 'mismatch', message: missing });
    using model = await type.fromPretrained(files, { newHead: true, seed: 4 });
    using again = await type.fromPretrained(files, { newHead: true, seed: 4 });
    using whole = await BART.fromPretrained(files);
    expect(model.origin?.fresh).toContain(missing);
    expectSameBits(model.head.weight, again.head.weight);
    expectSameBits(model.model.tokens.weight, whole.model.tokens.weight);
    const saved: Files = new Map();
    await model.savePretrained(saved);
    using loaded = await type.fromPretrained(saved);
    expectSameBits(loaded.head.weight, model.head.weight);
    expect(JSON.parse(new TextDecoder().decode(saved.get('config.json')))).toMatchObject({ architectures: [name] });
  });
});

test.each([2, 3])(
  'a classifier of %i classes without names has as many, and comes out as the same bytes',
  async (count) => {
    const labels = ['LABEL_0', 'LABEL_1', 'LABEL_2'].slice(0, count);
    using model = new BARTForSequenceClassification({ vocabSize: 20, ...BART_PRESETS.testing, labels }, { seed: 2 });
    const files: Files = new Map();
    await model.savePretrained(files);
    const config = new TextDecoder().decode(files.get('config.json'));
    const nameless = config.replaceAll(/ {2}"(id2label|label2id)": \{[^}]*\},\n/g, '');
    expect(nameless).not.toContain('LABEL');
    files.set('config.json', new TextEncoder().encode(nameless));
    using again = await BARTForSequenceClassification.fromPretrained(files);
    expect(again.config.labels).toHaveLength(count);
    expectSameBits(again.head.weight, model.head.weight);
    const saved: Files = new Map();
    await again.savePretrained(saved);
    for (const [name, bytes] of files) expect(isSame(saved.get(name), bytes), name).toBe(true);
  },
);

test('missing and unexpected tensors are listed at once', async () => {
  const files = await filesOf('bart', {
    tensors: (stored) => {
      stored.delete('model.encoder.layernorm_embedding.weight');
      return new Map([...stored, ['model.encoder.layers.7.fc1.bias', fromFloat32(new Float32Array(20), [20], 'F32')]]);
    },
  });
  const error = await expectError(() => BART.fromPretrained(files), {
    code: 'mismatch',
    message: 'layernorm_embedding',
  });
  expect(error.message).toContain('model.encoder.layers.7.fc1.bias');
});

test('a new model of other options comes back with all of them', async () => {
  const options: BARTOptions = {
    vocabSize: 20,
    ...BART_PRESETS.testing,
    numDecoderLayers: 1,
    numDecoderHeads: 2,
    decoderHiddenDim: 20,
    activation: 'silu',
    dropout: 0.3,
    attentionDropout: 0.2,
    scaleEmbeddings: true,
    tieEmbeddings: false,
    labels: ['x', 'y', 'z'],
    problemType: 'regression',
    padTokenId: 2,
    eosTokenId: 3,
    decoderStartTokenId: 4,
  };
  using model = new BART(options);
  const saved: Files = new Map();
  await model.savePretrained(saved);
  using loaded = await BART.fromPretrained(saved);
  expect(loaded.config).toEqual(model.config);
  expect(JSON.parse(new TextDecoder().decode(saved.get('config.json')))).toMatchObject({
    model_type: 'bart',
    activation_function: 'silu',
    tie_word_embeddings: false,
    forced_eos_token_id: 3,
    decoder_start_token_id: 4,
  });
});
