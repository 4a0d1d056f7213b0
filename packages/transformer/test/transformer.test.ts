import { EncoderDecoderCache } from '@formers/attention';
import { attend, layerNorm, linear, mergeHeads, splitHeads, valueAndGradients } from '@formers/backend';
import { parseSafetensors } from '@formers/checkpoints';
import {
  add,
  mul,
  range,
  relu,
  reshape,
  slice,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
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
import {
  type DecoderLayer,
  type EncoderLayer,
  Transformer,
  TRANSFORMER_PRESETS,
  transformerConfig,
  transformerConfigFromTorch,
  type TransformerOptions,
} from '../src/index.ts';

useEngineForTests();

const SMALL: TransformerOptions = { vocabSize: 40, ...TRANSFORMER_PRESETS.testing };
const source = (): Tensor2D => randomIds<Tensor2D>([2, 7], { bound: 40 });
const target = (): Tensor2D => randomIds<Tensor2D>([2, 5], { bound: 40, seed: 1 });

/** Biases and gains that aren't those of the start. */
function shake(model: Transformer): void {
  [...model.namedParameters()].forEach(([path, parameter], i) => {
    if (path.endsWith('bias')) parameter.assign(randomTensor(parameter.shape, { seed: i, std: 0.2 }));
    else if (path.includes('norm')) parameter.assign(add(1, randomTensor(parameter.shape, { seed: i, std: 0.2 })));
  });
}

/** The paper's formulas without modules. */
function byFormulas(model: Transformer, ids: Tensor2D, decoderIds: Tensor2D): Tensor {
  const { dim, numHeads, norm } = model.config;
  const values = model.namedParameters();
  const at = (path: string): Tensor => values.get(path)!;
  const affine = (x: Tensor3D, path: string): Tensor3D =>
    linear(x, at(`${path}.weight`) as Tensor2D, { bias: at(`${path}.bias`) as Tensor1D });
  const normalise = (x: Tensor3D, path: string): Tensor3D =>
    layerNorm(x, { weight: at(`${path}.weight`) as Tensor1D, bias: at(`${path}.bias`) as Tensor1D });
  const embed = (tokens: Tensor2D): Tensor3D => {
    const seq = tokens.shape[1];
    const positions = Array.from({ length: seq * dim }, (_, i) => {
      const [position, column] = [Math.floor(i / dim), i % dim];
      const angle = position / 10000 ** ((2 * Math.floor(column / 2)) / dim);
      return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    return add(mul(model.tokens!.call(tokens), Math.sqrt(dim)), reshape(positions, [1, seq, dim]));
  };
  const attention = (x: Tensor3D, context: Tensor3D, { path, causal }: { path: string; causal: boolean }): Tensor3D => {
    const part = (y: Tensor3D, i: number): Tensor3D =>
      linear(y, slice(at(`${path}.queryKeyValue.weight`) as Tensor2D, [i * dim, 0], [dim, dim]), {
        bias: slice(at(`${path}.queryKeyValue.bias`) as Tensor1D, [i * dim], [dim]),
      });
    const [q, k, v] = [part(x, 0), part(context, 1), part(context, 2)].map((y) => splitHeads(y, numHeads));
    return affine(mergeHeads(attend(q!, k!, v!, { causal })), `${path}.output`);
  };
  const around = (x: Tensor3D, path: string, f: (y: Tensor3D) => Tensor3D): Tensor3D =>
    norm === 'post' ? normalise(add(x, f(x)), path) : add(x, f(normalise(x, path)));
  const mlp =
    (path: string) =>
    (y: Tensor3D): Tensor3D =>
      affine(relu(affine(y, `${path}.mlp.hidden`)), `${path}.mlp.output`);

  let x = embed(ids);
  for (const i of model.encoder.layers.keys()) {
    const path = `encoder.layers.${i}`;
    x = around(x, `${path}.norm1`, (y) => attention(y, y, { path: `${path}.attention`, causal: false }));
    x = around(x, `${path}.norm2`, mlp(path));
  }
  if (norm === 'pre') x = normalise(x, 'encoder.norm');
  const encoded = x;
  x = embed(decoderIds);
  for (const i of model.decoder.layers.keys()) {
    const path = `decoder.layers.${i}`;
    x = around(x, `${path}.norm1`, (y) => attention(y, y, { path: `${path}.selfAttention`, causal: true }));
    x = around(x, `${path}.norm2`, (y) => attention(y, encoded, { path: `${path}.crossAttention`, causal: false }));
    x = around(x, `${path}.norm3`, mlp(path));
  }
  if (norm === 'pre') x = normalise(x, 'decoder.norm');
  return linear(x, model.tokens!.weight);
}

test.each(['post', 'pre'] as const)('is the Transformer by its paper, %s-norm', (norm) => {
  using model = new Transformer({ ...SMALL, norm });
  shake(model);
  expectClose(model.call(source(), { decoderIds: target() }), byFormulas(model, source(), target()), {
    rtol: 1e-4,
    atol: 1e-4,
  });
});

describe('at the start', () => {
  test('embeddings times √dim have a variance of 1, weights are Xavier`s, biases zero', () => {
    using model = new Transformer({ vocabSize: 400, dim: 64, numHeads: 4, numLayers: 1, shareEmbeddings: false });
    const variance = (tensor: Tensor): number =>
      valuesOf(tensor).reduce((total, value) => total + value ** 2, 0) / tensor.size;
    const { attention, mlp } = model.encoder.layers[0] as EncoderLayer;
    const weights = new Map([...attention.namedParameters(), ...mlp.namedParameters()]);
    expect(variance(model.sourceTokens!.weight) * 64).toBeCloseTo(1, 1);
    expect(variance(weights.get('queryKeyValue.weight')!) / (2 / (64 + 192))).toBeCloseTo(1, 1);
    expect(variance(weights.get('hidden.weight')!) / (2 / (64 + 256))).toBeCloseTo(1, 1);
    for (const [path, parameter] of model.namedParameters())
      if (path.endsWith('bias')) expect(valuesOf(parameter).every((value) => value === 0)).toBe(true);
  });

  test('post-norm stacks end without a norm of their own, pre-norm ones with one', () => {
    using post = new Transformer(SMALL);
    using pre = new Transformer({ ...SMALL, norm: 'pre' });
    expect([post.encoder.norm, post.decoder.norm]).toEqual([undefined, undefined]);
    expect([...pre.namedParameters().keys()]).toContain('decoder.norm.weight');
  });
});

test('shared embeddings are one parameter, whose gradient is the sum of its three uses', () => {
  using shared = new Transformer(SMALL, { seed: 1 });
  using apart = new Transformer({ ...SMALL, shareEmbeddings: false }, { seed: 1 });
  const values = shared.namedParameters();
  for (const [path, parameter] of apart.namedParameters())
    if (path !== 'head.bias')
      parameter.assign(values.get(path.replace(/^(sourceTokens|targetTokens|head)\./, 'tokens.'))!);
  const [ids, targets] = [source(), target()];
  const { gradients: one } = valueAndGradients(() => shared.loss(ids, { targets }), [shared.tokens!.weight]);
  const { gradients } = valueAndGradients(
    () => apart.loss(ids, { targets }),
    [apart.sourceTokens!.weight, apart.targetTokens!.weight, apart.head!.weight],
  );
  for (const gradient of gradients) expect(Math.hypot(...valuesOf(gradient))).toBeGreaterThan(1e-3);
  expectClose(one[0]!, add(add(gradients[0]!, gradients[1]!), gradients[2]!), { rtol: 1e-4, atol: 1e-5 });
});

test('the loss smooths labels as the config says, unless it is told', () => {
  using model = new Transformer({ ...SMALL, labelSmoothing: 0.1 });
  const [ids, targets] = [source(), target()];
  expectSameBits(model.loss(ids, { targets }), model.loss(ids, { targets, labelSmoothing: 0.1 }));
  expect(valuesOf(model.loss(ids, { targets, labelSmoothing: 0 }))).not.toEqual(valuesOf(model.loss(ids, { targets })));
});

describe('state dicts', () => {
  test('have PyTorch`s names, and come back', async () => {
    using model = new Transformer({ ...SMALL, sourceVocabSize: 30, norm: 'pre', numDecoderLayers: 1, dropout: 0.1 });
    const files = new Map<string, Uint8Array>();
    await model.savePretrained(files);
    const { tensors, metadata } = parseSafetensors(files.get('model.safetensors')!);
    expect([...metadata]).toEqual([]);
    const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
    expect(shapes.get('src_embed.weight')).toEqual([30, 32]);
    expect(shapes.get('tgt_embed.weight')).toEqual([40, 32]);
    expect(shapes.get('generator.bias')).toEqual([40]);
    expect(shapes.get('transformer.decoder.layers.0.multihead_attn.in_proj_weight')).toEqual([96, 32]);
    expect(shapes.get('transformer.encoder.layers.1.linear1.weight')).toEqual([64, 32]);
    expect(shapes.get('transformer.encoder.norm.weight')).toEqual([32]);
    expect(shapes.size).toBe(3 + 1 + 12 * 2 + 2 + 18 + 2);
    expect(JSON.parse(new TextDecoder().decode(files.get('config.json')))).toMatchObject({
      architecture: 'torch.nn.Transformer',
      src_vocab: 30,
      tgt_vocab: 40,
      norm_first: true,
    });
    using loaded = await Transformer.fromPretrained(files);
    expect(loaded.config).toEqual(model.config);
    const ids = randomIds<Tensor2D>([2, 7], { bound: 30 });
    expectSameBits(loaded.call(ids, { decoderIds: target() }), model.call(ids, { decoderIds: target() }));
  });

  test('without biases have none', async () => {
    using model = new Transformer({ ...SMALL, bias: false, norm: 'pre' });
    const files = new Map<string, Uint8Array>();
    await model.savePretrained(files);
    expect(
      [...parseSafetensors(files.get('model.safetensors')!).tensors.keys()].some((name) => name.endsWith('bias')),
    ).toBe(false);
    using loaded = await Transformer.fromPretrained(files);
    expectSameBits(loaded.call(source(), { decoderIds: target() }), model.call(source(), { decoderIds: target() }));
  });

  test('name arguments as torch.nn.Transformer does, too', () => {
    expect(
      transformerConfigFromTorch({
        vocab: 9,
        d_model: 8,
        nhead: 2,
        num_encoder_layers: 1,
        num_decoder_layers: 2,
        dim_feedforward: 5,
      }),
    ).toMatchObject({
      dim: 8,
      numHeads: 2,
      numLayers: 1,
      numDecoderLayers: 2,
      hiddenDim: 5,
      finalNorm: true,
      dropout: 0.1,
      attentionDropout: 0.1,
    });
  });

  test('of another class are refused', async () => {
    const files = new Map([['config.json', new TextEncoder().encode('{"architecture": "torch.nn.LSTM"}')]]);
    await expectError(() => Transformer.fromPretrained(files), {
      code: 'config',
      message: 'architecture must be "torch.nn.Transformer", got "torch.nn.LSTM"',
    });
  });
});

describe('wrong inputs are told', () => {
  test.each<[object, string]>([
    [{ numHeads: 5 }, 'dim must be divisible by numHeads, got 32 and 5'],
    [{ norm: 'both' }, 'norm must be post or pre'],
    [{ sourceVocabSize: 30, shareEmbeddings: true }, 'shareEmbeddings must be false where the vocabularies differ'],
    [{ labelSmoothing: 1 }, 'labelSmoothing must be a number from 0 to below 1'],
    [{ depth: 3 }, 'there is no option depth'],
    [{ numLayers: 2 ** 20, dim: 2 ** 12, numHeads: 1 }, 'a model may have up to'],
  ])('%j', async (options, message) => {
    await expectError(() => transformerConfig({ ...SMALL, ...options }), { code: 'config', message });
  });

  test('shapes, and texts that are too long', async () => {
    using model = new Transformer(SMALL);
    using cache = new EncoderDecoderCache();
    const [ids, decoderIds, long] = [source(), target(), randomIds<Tensor2D>([2, 25], { bound: 40 })];
    const encoded = model.encode(ids);
    const wrong = reshape(range(0, 4, 1, 'int32'), [2, 2]) as Tensor2D;
    await expectError(() => model.encode(ids, { attentionMask: wrong }), {
      code: 'shape',
      message: 'attentionMask must be [2, 7], got [2, 2]',
    });
    await expectError(() => model.decode(decoderIds, { encoded, attentionMask: wrong }), {
      code: 'shape',
      message: 'attentionMask must be [2, 7]',
    });
    await expectError(() => model.decode(decoderIds, { encoded, decoderAttentionMask: wrong }), {
      code: 'shape',
      message: 'decoderAttentionMask must be [2, 5]',
    });
    await expectError(() => model.encode(long), { code: 'shape', message: 'x must end before position 24' });
    model.decode(decoderIds, { encoded, cache });
    await expectError(() => model.decode(decoderIds, { encoded, cache, decoderAttentionMask: wrong }), {
      code: 'shape',
      message: 'must be [2, 10]',
    });
  });

  test('vocabularies that differ aren`t resized together', async () => {
    using model = new Transformer({ ...SMALL, sourceVocabSize: 30 });
    await expectError(() => model.resizeVocabulary(50), {
      code: 'config',
      message: 'source and target must have one vocabulary',
    });
  });
});

test('a layer is replaced as a whole', () => {
  using model = new Transformer({ ...SMALL, numDecoderLayers: 1 });
  const layer = model.decoder.layers[0] as DecoderLayer;
  const before = sum(model.call(source(), { decoderIds: target() }));
  model.decoder.layers.push(layer); // twice the same: parameters are counted once
  expect(model.parameters().length).toBe(new Set(model.parameters()).size);
  expect(valuesOf(sum(model.call(source(), { decoderIds: target() })))).not.toEqual(valuesOf(before));
});
