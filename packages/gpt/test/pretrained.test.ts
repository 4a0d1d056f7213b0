import { readFile } from 'node:fs/promises';
import { capture } from '@formers/backend';
import {
  CheckpointError,
  fromFloat32,
  memoryTarget,
  parseSafetensors,
  saveCheckpoint,
  serializeSafetensors,
  type StoredTensor,
  toFloat32,
} from '@formers/checkpoints';
import { add, dispose, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
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
import { GPT, GPTForSequenceClassification, GPTModel } from '../src/index.ts';

useEngineForTests();

const FOLDER = new URL('fixtures/gpt2-lm/', import.meta.url);
type Files = Map<string, Uint8Array>;
type Stored = Map<string, StoredTensor>;
let original: Files;
beforeAll(async () => {
  const names = ['config.json', 'generation_config.json', 'model.safetensors'];
  original = new Map(
    await Promise.all(
      names.map(async (name): Promise<[string, Uint8Array]> => [
        name,
        new Uint8Array(await readFile(new URL(name, FOLDER))),
      ]),
    ),
  );
});

/** The fixture with other tensors or another config. */
function variant({
  tensors = (stored) => stored,
  config = (json) => json,
}: { tensors?: (stored: Stored) => Stored; config?: (json: Record<string, unknown>) => object } = {}): Files {
  const stored = new Map(parseSafetensors(original.get('model.safetensors')!).tensors);
  const json = JSON.parse(new TextDecoder().decode(original.get('config.json'))) as Record<string, unknown>;
  return new Map([
    ...original,
    ['model.safetensors', serializeSafetensors(tensors(stored), { metadata: { format: 'pt' } })],
    ['config.json', new TextEncoder().encode(JSON.stringify(config(json)))],
  ]);
}

const renamed = (stored: Stored, rename: (name: string) => string): Stored =>
  new Map([...stored].map(([name, tensor]) => [rename(name), tensor]));
const withoutPrefix = (stored: Stored): Stored => renamed(stored, (name) => name.replace(/^transformer\./, ''));
const zerosOf = (shape: number[]): StoredTensor =>
  fromFloat32(new Float32Array(shape.reduce((size, axis) => size * axis, 1)), shape, 'F32');

async function saved(
  model: GPT | GPTModel | GPTForSequenceClassification,
  options?: Parameters<GPT['savePretrained']>[1],
): Promise<{ files: Files; tensors: Stored; config: Record<string, unknown> }> {
  const files: Files = new Map();
  await model.savePretrained(files, options);
  const bytes = files.get('model.safetensors');
  return {
    files,
    tensors: new Map(bytes ? parseSafetensors(bytes).tensors : []),
    config: JSON.parse(new TextDecoder().decode(files.get('config.json'))) as Record<string, unknown>,
  };
}

async function ids(): Promise<Tensor2D> {
  return (await readGoldens(new URL('inputs.safetensors', FOLDER))).get('input_ids') as Tensor2D;
}

const same = (left: Uint8Array | undefined, right: Uint8Array | undefined): boolean =>
  left !== undefined && right !== undefined && Buffer.from(left).equals(right);

describe('the fixture', () => {
  test('has the logits, hidden states and attentions of Transformers', async () => {
    using model = await GPT.fromPretrained(original);
    const goldens = await readGoldens(new URL('outputs.safetensors', FOLDER));
    const tokens = await ids();
    const { value, hiddenStates, attentions } = capture(() => model.call(tokens));
    const close = (found: Tensor, name: string): void =>
      expectClose(found, goldens.get(name)!, { rtol: 1e-4, atol: 1e-5 });
    close(value, 'logits');
    hiddenStates.forEach((state, i) => close(state, `hidden_states.${i}`));
    attentions.forEach((map, i) => close(map, `attentions.${i}`));
    expect([hiddenStates.length, attentions.length]).toEqual([3, 2]);
    dispose([value, ...hiddenStates, ...attentions]);
  });

  test('comes out as the same bytes, every file', async () => {
    using model = await GPT.fromPretrained(original);
    const { files } = await saved(model);
    expect([...files.keys()].toSorted()).toEqual([...original.keys()].toSorted());
    for (const [name, bytes] of original) expect(same(files.get(name), bytes), name).toBe(true);
  });

  test('opens from a folder on disk, too', async () => {
    using fromDisk = await GPT.fromPretrained(FOLDER.pathname);
    using fromMemory = await GPT.fromPretrained(original);
    const tokens = await ids();
    expectSameBits(fromDisk.call(tokens), fromMemory.call(tokens));
  });

  test('loading, saving and failing to load leak nothing', async () => {
    await expectNoLeak(async () => {
      using model = await GPT.fromPretrained(original);
      await saved(model);
    });
    await expectNoLeak(() =>
      expect(GPT.fromPretrained(variant({ tensors: () => new Map() }))).rejects.toThrow('missing'),
    );
  });
});

describe('how it is stored', () => {
  test.each(['F16', 'BF16', 'F64'] as const)('%s widens to float32, and is written back as it was', async (dtype) => {
    const files = variant({
      tensors: (stored) =>
        new Map([...stored].map(([name, tensor]) => [name, fromFloat32(toFloat32(tensor), tensor.shape, dtype)])),
    });
    using model = await GPT.fromPretrained(files);
    const table = parseSafetensors(files.get('model.safetensors')!).tensors.get('transformer.wte.weight')!;
    expectSameBits(model.decoder.tokens.weight, toFloat32(table));
    const again = await saved(model);
    expect(same(again.files.get('model.safetensors'), files.get('model.safetensors'))).toBe(true);
    using plain = await GPT.fromPretrained(original);
    const tokens = await ids();
    expectClose(model.call(tokens), plain.call(tokens), { rtol: 0.05, atol: 0.05 });
  });

  test.each(['F16', 'BF16'] as const)(
    'weights of a %s checkpoint that were trained are written as float32',
    async (dtype) => {
      const files = new Map<string, Uint8Array>();
      {
        using source = await GPT.fromPretrained(original);
        await source.savePretrained(files, { dtype });
      }
      using model = await GPT.fromPretrained(files);
      const { bias } = model.decoder.norm;
      tidy(() => bias.assign(add(bias, 1e-4)));
      const trained = await bias.data();
      const { files: written, tensors, config } = await saved(model);
      expect(tensors.get('transformer.ln_f.bias')!.dtype).toBe('F32');
      expect(tensors.get('transformer.ln_f.weight')!.dtype).toBe(dtype);
      expect(config['dtype']).toBe('float32');
      using again = await GPT.fromPretrained(written);
      expect([...(await again.decoder.norm.bias.data())]).toEqual([...trained]);
    },
  );

  test.each(['F16', 'BF16', 'F32'] as const)('saving as %s when told, and the config says so', async (dtype) => {
    using model = await GPT.fromPretrained(original);
    const { tensors, config } = await saved(model, { dtype });
    expect(new Set([...tensors.values()].map((tensor) => tensor.dtype))).toEqual(new Set([dtype]));
    expect(config['dtype']).toBe({ F16: 'float16', BF16: 'bfloat16', F32: 'float32' }[dtype]);
    expectSameBits(
      toFloat32(tensors.get('transformer.ln_f.weight')!),
      toFloat32(fromFloat32(Float32Array.from(valuesOf(model.decoder.norm.weight)), [32], dtype)),
    );
  });

  test('in shards, and one file again', async () => {
    using model = await GPT.fromPretrained(original);
    const { files } = await saved(model, { maxShardBytes: 30_000 });
    expect([...files.keys()].filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(3);
    expect(files.has('model.safetensors.index.json')).toBe(true);
    using loaded = await GPT.fromPretrained(files);
    const again = await saved(loaded);
    expect(same(again.files.get('model.safetensors'), original.get('model.safetensors'))).toBe(true);
  });

  test('Conv1D weights lie transposed', async () => {
    using model = await GPT.fromPretrained(original);
    const stored = toFloat32(
      parseSafetensors(original.get('model.safetensors')!).tensors.get('transformer.h.0.attn.c_attn.weight')!,
    ); // [32, 96]
    const ours = valuesOf(model.decoder.layers[0]!.attention.queryKeyValue.weight); // [96, 32]
    for (const [row, column] of [
      [0, 1],
      [5, 90],
      [31, 33],
    ] as const)
      expect(ours[column * 32 + row]).toBe(stored[row * 96 + column]);
  });

  test('without the base prefix, as published GPT-2 checkpoints are: opened, and saved without it', async () => {
    const files = variant({ tensors: withoutPrefix });
    using model = await GPT.fromPretrained(files);
    using plain = await GPT.fromPretrained(original);
    const tokens = await ids();
    expectSameBits(model.call(tokens), plain.call(tokens));
    expect(same((await saved(model)).files.get('model.safetensors'), files.get('model.safetensors'))).toBe(true);
  });

  test('names of old checkpoints that nobody needs are passed over', async () => {
    const extra = new Map([
      ['transformer.h.0.attn.bias', zerosOf([1, 1, 40, 40])],
      ['transformer.h.1.attn.masked_bias', zerosOf([1])],
      ['lm_head.weight', zerosOf([97, 32])],
    ]);
    using model = await GPT.fromPretrained(variant({ tensors: (stored) => new Map([...stored, ...extra]) }));
    using plain = await GPT.fromPretrained(original);
    const tokens = await ids();
    expectSameBits(model.call(tokens), plain.call(tokens));
    expect([...(await saved(model)).tensors.keys()]).not.toContain('lm_head.weight');
  });
});

describe('between classes', () => {
  test('the bare model from a language model`s folder, and the other way round', async () => {
    using base = await GPTModel.fromPretrained(original);
    using whole = await GPT.fromPretrained(original);
    const tokens = await ids();
    expectSameBits(base.call(tokens), whole.decoder.call(tokens));
    const { files, config } = await saved(base);
    expect(config['architectures']).toEqual(['GPT2Model']);
    using back = await GPT.fromPretrained(files);
    expectSameBits(back.call(tokens), whole.call(tokens));

    using fresh = new GPTModel(base.config, { seed: 1 });
    const freshFiles = await saved(fresh);
    expect(freshFiles.tensors.has('wte.weight')).toBe(true); // without prefix, as a bare GPT2Model is saved
    using wrapped = await GPT.fromPretrained(freshFiles.files);
    expectSameBits(wrapped.decoder.call(tokens), fresh.call(tokens));
  });

  test('a classifier needs a new head when the checkpoint has none', async () => {
    const error = await expectError(() => GPTForSequenceClassification.fromPretrained(original), {
      code: 'mismatch',
      message: 'score.weight',
    });
    expect(CheckpointError.isInstance(error) && error.mismatch).toEqual({
      missing: ['score.weight'],
      unexpected: [],
      misshaped: [],
      headOnly: true,
    });

    using model = await GPTForSequenceClassification.fromPretrained(original, { newHead: true, seed: 5 });
    using again = await GPTForSequenceClassification.fromPretrained(original, { newHead: true, seed: 5 });
    using other = await GPTForSequenceClassification.fromPretrained(original, { newHead: true, seed: 6 });
    expectSameBits(model.head.weight, again.head.weight);
    expect(valuesOf(model.head.weight)).not.toEqual(valuesOf(other.head.weight));
    expect(Math.hypot(...valuesOf(model.head.weight)) / Math.sqrt(64)).toBeCloseTo(0.02, 1);
    using base = await GPTModel.fromPretrained(original);
    for (const [path, parameter] of base.namedParameters())
      expectSameBits(model.namedParameters().get(`decoder.${path}`)!, parameter);
    const { files, config } = await saved(model);
    expect(config['architectures']).toEqual(['GPT2ForSequenceClassification']);
    using back = await GPTForSequenceClassification.fromPretrained(files); // now it has one
    expectSameBits(back.head.weight, model.head.weight);
  });

  test('newHead keeps a head that is there', async () => {
    using first = await GPTForSequenceClassification.fromPretrained(original, { newHead: true, seed: 5 });
    const { files } = await saved(first);
    using second = await GPTForSequenceClassification.fromPretrained(files, { newHead: true, seed: 6 });
    expectSameBits(second.head.weight, first.head.weight);
  });

  test('a language model from a classifier`s folder; the other head is left, and told', async () => {
    using classifier = await GPTForSequenceClassification.fromPretrained(original, { newHead: true });
    using model = await GPT.fromPretrained((await saved(classifier)).files);
    expect(model.origin?.unused).toEqual(['score.weight']);
    using plain = await GPT.fromPretrained(original);
    const tokens = await ids();
    expectSameBits(model.call(tokens), plain.call(tokens));
  });

  test('an output projection of its own', async () => {
    const untied = (json: object): object => ({ ...json, tie_word_embeddings: false });
    await expectError(() => GPT.fromPretrained(variant({ config: untied })), {
      code: 'mismatch',
      message: 'lm_head.weight',
    });
    const files = variant({
      config: untied,
      tensors: (stored) => new Map([...stored, ['lm_head.weight', zerosOf([97, 32])]]),
    });
    using model = await GPT.fromPretrained(files);
    expect(valuesOf(model.call(await ids())).every((value) => value === 0)).toBe(true);
    expect(same((await saved(model)).files.get('model.safetensors'), files.get('model.safetensors'))).toBe(true);
  });
});

describe('what does not fit', () => {
  test('missing, unexpected and mis-shaped tensors are listed at once', async () => {
    const files = variant({
      tensors: (stored) => {
        stored.delete('transformer.h.1.ln_2.bias');
        stored.delete('transformer.wpe.weight');
        return new Map([
          ...stored,
          ['transformer.h.2.ln_1.weight', zerosOf([32])],
          ['transformer.h.0.mlp.c_fc.weight', zerosOf([128, 32])],
          ['transformer.wte.weight', zerosOf([98, 32])],
        ]);
      },
    });
    const error = await expectError(() => GPT.fromPretrained(files), {
      code: 'mismatch',
      message: 'the checkpoint does not fit',
    });
    const { mismatch } = error as CheckpointError;
    expect(mismatch?.missing.toSorted()).toEqual(['transformer.h.1.ln_2.bias', 'transformer.wpe.weight']);
    expect(mismatch?.unexpected).toEqual(['transformer.h.2.ln_1.weight']);
    expect(mismatch?.misshaped.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
      { name: 'transformer.h.0.mlp.c_fc.weight', expected: [32, 128], found: [128, 32] },
      { name: 'transformer.wte.weight', expected: [97, 32], found: [98, 32] },
    ]);
    for (const name of [
      'wpe.weight (and 1 more)',
      'h.2.ln_1.weight',
      'wte.weight: wanted [97, 32], got [98, 32] (and 1 more)',
    ])
      expect(error.message).toContain(name);
  });

  test.each([NaN, Infinity, -Infinity])(
    '%d among the weights is refused with the tensor`s name, or accepted when told',
    async (bad) => {
      const files = variant({
        tensors: (stored) => {
          const values = toFloat32(stored.get('transformer.h.1.attn.c_proj.weight')!).slice();
          values[77] = bad;
          return stored.set('transformer.h.1.attn.c_proj.weight', fromFloat32(values, [32, 32], 'F32'));
        },
      });
      await expectError(() => GPT.fromPretrained(files), {
        code: 'value',
        message: 'transformer.h.1.attn.c_proj.weight: weights must be finite',
      });
      using model = await GPT.fromPretrained(files, { nonFinite: 'accept' });
      expect(
        valuesOf(model.decoder.layers[1]!.attention.output.weight).filter((value) => Object.is(value, bad)),
      ).toHaveLength(1);
    },
  );

  test.each<[string, object, string]>([
    ['another model type', { model_type: 'llama' }, 'model_type must be "gpt2", got "llama"'],
    ['no model type', { model_type: undefined }, 'model_type must be "gpt2", got undefined'],
    ['impossible sizes', { n_head: 5 }, 'dim must be divisible by numHeads, got 32 and 5'],
    ['a model beyond any memory', { n_embd: 2 ** 20, n_head: 1, n_layer: 4 }, 'a model may have up to'],
  ])('%s', async (_, keys, message) => {
    await expectError(() => GPT.fromPretrained(variant({ config: (json) => ({ ...json, ...keys }) })), {
      code: 'config',
      message,
    });
  });

  test.each([
    ['config.json', 'missing-file'],
    ['model.safetensors', 'missing-file'],
  ])('without %s', async (name, code) => {
    const files = new Map(original);
    files.delete(name);
    await expectError(() => GPT.fromPretrained(files), { code, message: name });
  });
});

describe('the config', () => {
  test('keys that we do not know survive, with their spelling', async () => {
    const future = '"eos_token_id": 0,\n  "future": {\n    "deep": [\n      1.0\n    ]\n  }';
    const text = new TextDecoder()
      .decode(original.get('config.json'))
      .replace('"embd_pdrop": 0.1', '"embd_pdrop": 1e-1')
      .replace('"eos_token_id": 0', future);
    using model = await GPT.fromPretrained(new Map([...original, ['config.json', new TextEncoder().encode(text)]]));
    expect(new TextDecoder().decode((await saved(model)).files.get('config.json'))).toBe(text);
  });

  test('what the user changed is written, and nothing else', async () => {
    using model = await GPT.fromPretrained(original);
    Object.assign(model.config, { residualDropout: 0.25, padTokenId: 3 });
    const { config } = await saved(model);
    const before = JSON.parse(new TextDecoder().decode(original.get('config.json'))) as object;
    expect(config).toEqual({ ...before, resid_pdrop: 0.25, pad_token_id: 3 });
    using loaded = await GPT.fromPretrained((await saved(model)).files);
    expect(loaded.config).toEqual(model.config);
  });

  test('of a new model: what Transformers needs, and every value comes back', async () => {
    using model = new GPT({
      vocabSize: 20,
      contextLength: 8,
      dim: 8,
      numHeads: 2,
      numLayers: 1,
      hiddenDim: 12,
      activation: 'silu',
      dropout: 0.3,
      tieEmbeddings: false,
      scaleAttentionByLayer: true,
      labels: ['a', 'b', 'c', 'd'],
      eosTokenId: 1,
    });
    const { files, config } = await saved(model);
    expect(config).toMatchObject({
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      dtype: 'float32',
      n_inner: 12,
      activation_function: 'silu',
      tie_word_embeddings: false,
    });
    using loaded = await GPT.fromPretrained(files);
    expect(loaded.config).toEqual(model.config);
  });
});

test('a changed weight is written, the others as they were', async () => {
  using model = await GPT.fromPretrained(original);
  model.decoder.norm.bias.assign(model.decoder.norm.weight);
  const { tensors } = await saved(model);
  const before = parseSafetensors(original.get('model.safetensors')!).tensors;
  for (const [name, { bytes }] of before)
    expect(same(tensors.get(name)?.bytes, bytes), name).toBe(name !== 'transformer.ln_f.bias');
});

test('a folder that was saved over one in shards opens as the new one', async () => {
  const target = memoryTarget();
  using model = await GPT.fromPretrained(original);
  await model.savePretrained(target, { maxShardBytes: 30_000 });
  await model.savePretrained(target);
  expect([...target.files.keys()].toSorted()).toEqual(['config.json', 'generation_config.json', 'model.safetensors']);
  await saveCheckpoint(target, [['x', fromFloat32(Float32Array.of(1), [1], 'F32')]]);
  await expectError(() => GPT.fromPretrained(target.files), { code: 'mismatch', message: 'missing' });
});
