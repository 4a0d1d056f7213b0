import { EncoderDecoderCache } from '@formers/attention';
import { capture, linear, valueAndGradients } from '@formers/backend';
import {
  add,
  concat,
  dispose,
  fill,
  gather,
  matMul,
  mul,
  reshape,
  slice,
  softmax,
  type Tensor,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  transpose,
  type Variable,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectSameBits,
  randomIds,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { T5, T5_PRESETS, T5EncoderModel, T5Model, type T5Options } from '../src/index.ts';

useEngineForTests();

const SMALL: T5Options = { vocabSize: 40, ...T5_PRESETS.testing };
const V1_1: T5Options = { ...SMALL, activation: 'geluTanh', gated: true, tieEmbeddings: false };
const source = (seq = 7): Tensor2D => randomIds<Tensor2D>([2, seq], { bound: 40 });
const target = (seq = 5): Tensor2D => randomIds<Tensor2D>([2, seq], { bound: 40, seed: 1 });
const std = (variable: Variable): number =>
  Math.sqrt(valuesOf(variable).reduce((total, value) => total + value ** 2, 0) / variable.size);

test('has the parameters of T5: no biases, one table of relative positions per stack', () => {
  using model = new T5({ ...V1_1, numLayers: 1, numDecoderLayers: 1 }, { seed: null });
  const attention = (name: string): string[] => ['query', 'key', 'value', 'output'].map((one) => `${name}.${one}`);
  const mlp = ['mlp.gate', 'mlp.content', 'mlp.output'];
  const encoder = [
    'positions',
    ...['norm1', ...attention('attention'), 'norm2', ...mlp].map((one) => `layers.0.${one}`),
    'norm',
  ];
  const decoder = [
    'positions',
    ...['norm1', ...attention('selfAttention'), 'norm2', ...attention('crossAttention'), 'norm3', ...mlp].map(
      (one) => `layers.0.${one}`,
    ),
    'norm',
  ];
  expect([...model.namedParameters().keys()]).toEqual(
    [
      'model.tokens',
      ...encoder.map((one) => `model.encoder.${one}`),
      ...decoder.map((one) => `model.decoder.${one}`),
      'head',
    ].map((one) => `${one}.weight`),
  );
  using plain = new T5(SMALL, { seed: null });
  expect([...plain.namedParameters().keys()].filter((path) => /head\.|gate|content/.test(path))).toEqual([]);
});

test.each([1, 2, 3])('the first weights have the deviations of Mesh TensorFlow within 5 percent, seed %i', (seed) => {
  const [dim, headDim, numHeads, hiddenDim] = [64, 24, 6, 96];
  using model = new T5(
    { ...V1_1, vocabSize: 300, dim, headDim, numHeads, hiddenDim, numBuckets: 300, maxDistance: 999, initFactor: 0.5 },
    { seed },
  );
  const { tokens, encoder, decoder } = model.model;
  const wanted: [Variable, number][] = [
    [tokens.weight, 1],
    [model.head!.weight, dim ** -0.5],
    [encoder.positions.weight, dim ** -0.5],
    [decoder.positions.weight, dim ** -0.5],
  ];
  const attentions = [
    ...encoder.layers.map(({ attention }) => attention),
    ...decoder.layers.flatMap(({ selfAttention, crossAttention }) => [selfAttention, crossAttention]),
  ];
  for (const { query, key, value, output } of attentions)
    wanted.push(
      [query.weight, (dim * headDim) ** -0.5],
      [key.weight, dim ** -0.5],
      [value.weight, dim ** -0.5],
      [output.weight, (numHeads * headDim) ** -0.5],
    );
  for (const { mlp } of [...encoder.layers, ...decoder.layers]) {
    if (!('gate' in mlp)) throw new Error('v1.1 has gates');
    wanted.push(
      [mlp.gate.weight, dim ** -0.5],
      [mlp.content.weight, dim ** -0.5],
      [mlp.output.weight, hiddenDim ** -0.5],
    );
  }
  for (const [variable, deviation] of wanted)
    expect(Math.abs(std(variable) / (0.5 * deviation) - 1), variable.shape.join()).toBeLessThan(0.05);
  for (const norm of [encoder.norm, decoder.norm, encoder.layers[0]!.norm1, decoder.layers[1]!.norm3])
    expect(valuesOf(norm.weight).every((value) => value === 0.5)).toBe(true);
});

test('the same seed gives the same base under any head', () => {
  using bare = new T5Model(V1_1, { seed: 3 });
  using whole = new T5(V1_1, { seed: 3 });
  for (const [path, parameter] of bare.namedParameters())
    expectSameBits(whole.namedParameters().get(`model.${path}`)!, parameter);
});

describe('the output projection', () => {
  const lastState = (model: T5): Tensor => {
    const decoded = model.model.call(source(), { decoderIds: target() });
    return decoded;
  };

  test('tied, reads states divided by √dim', () => {
    using model = new T5(SMALL);
    const expected = mul(linear(lastState(model), model.model.tokens.weight), 1 / Math.sqrt(32));
    expectClose(model.call(source(), { decoderIds: target() }), expected, { atol: 1e-5 });
  });

  test('of its own, reads them as they are', () => {
    using model = new T5(V1_1);
    expectClose(model.call(source(), { decoderIds: target() }), linear(lastState(model), model.head!.weight), {
      atol: 1e-5,
    });
  });

  test('tied, is one parameter with the token embedding, whose gradient is the sum of both uses', () => {
    using tied = new T5(SMALL, { seed: 1 });
    using apart = new T5({ ...SMALL, tieEmbeddings: false, scaleOutputs: true }, { seed: 1 });
    apart.head!.weight.assign(tied.model.tokens.weight);
    expect(tied.parameters()).toHaveLength(apart.parameters().length - 1);
    const [ids, targets] = [source(), target()];
    const { gradients: both } = valueAndGradients(() => tied.loss(ids, { targets }), [tied.model.tokens.weight]);
    const { gradients } = valueAndGradients(
      () => apart.loss(ids, { targets }),
      [apart.model.tokens.weight, apart.head!.weight],
    );
    expectClose(both[0]!, add(gradients[0]!, gradients[1]!), { rtol: 1e-4, atol: 1e-6 });
    for (const gradient of gradients) expect(Math.hypot(...valuesOf(gradient))).toBeGreaterThan(1e-3);
  });
});

test('attention has no √headDim: its weights are softmax(q kᵀ + bias), the same bias in every layer', () => {
  using model = new T5EncoderModel(SMALL);
  const ids = source(5);
  const { value, hiddenStates, attentions } = capture(() => model.call(ids));
  const bias = model.encoder.positions.call({ queries: 5, keys: 5 }); // [1, heads, 5, 5]
  expect(attentions).toHaveLength(2);
  attentions.forEach((map, i) => {
    const { norm1, attention } = model.encoder.layers[i]!;
    const x = norm1.call(hiddenStates[i] as Tensor3D);
    const heads = (y: Tensor3D): Tensor => transpose(reshape(y, [2, 5, 4, 6]), [0, 2, 1, 3]);
    const scores = matMul(heads(attention.query.call(x)), heads(attention.key.call(x)), false, true);
    expectClose(map, softmax(add(scores, bias)), { rtol: 1e-4, atol: 1e-6 });
  });
  dispose([value, ...hiddenStates, ...attentions]);
});

describe('relative positions', () => {
  const order = [3, 0, 4, 1, 2];

  test('without them the encoder does not know the order of tokens; with them it does', () => {
    using model = new T5EncoderModel(SMALL);
    const ids = source(5);
    const permuted = gather(ids, order, 1) as Tensor2D;
    const difference = (): number => {
      const [after, before] = [valuesOf(model.call(permuted)), valuesOf(gather(model.call(ids), order, 1))];
      return Math.max(...after.map((value, i) => Math.abs(value - before[i]!)));
    };
    expect(difference()).toBeGreaterThan(0.01);
    model.encoder.positions.weight.assign(zerosLike(model.encoder.positions.weight));
    expect(difference()).toBeLessThan(1e-5);
  });

  test('make padding on the left, in source and target, as good as on the right', () => {
    using model = new T5(V1_1);
    const [ids, decoderIds] = [source(), target()];
    const pads = (count: number): Tensor2D => fill([2, count], 9, 'int32') as Tensor2D;
    const mask = (real: number, count: number): Tensor2D =>
      concat([fill([2, count], 0, 'int32'), fill([2, real], 1, 'int32')], 1) as Tensor2D;
    const padded = model.call(concat([pads(3), ids], 1), {
      attentionMask: mask(7, 3),
      decoderIds: concat([pads(2), decoderIds], 1),
      decoderAttentionMask: mask(5, 2),
    });
    expectClose(slice(padded, [0, 2, 0], [-1, 5, -1]), model.call(ids, { decoderIds }), { rtol: 1e-4, atol: 1e-4 });
  });

  test('let the decoder write without end', () => {
    using model = new T5(SMALL);
    expect(model.config.contextLength).toBe(Infinity);
    expect(model.call(source(100), { decoderIds: target(150) }).shape).toEqual([2, 150, 40]);
  });
});

test('capturing tells encoder and decoder apart: the embeddings, the layers, the last one after the norm', () => {
  using model = new T5({ ...SMALL, numDecoderLayers: 3 });
  const [ids, decoderIds] = [source(), target()];
  const { value, ...captured } = capture(() => model.model.call(ids, { decoderIds }));
  const shapes = (tensors: Tensor[]): string[] => tensors.map(({ shape }) => shape.join('x'));
  expect(shapes(captured.encoderHiddenStates)).toEqual(['2x7x32', '2x7x32', '2x7x32']);
  expect(shapes(captured.hiddenStates)).toEqual(['2x5x32', '2x5x32', '2x5x32', '2x5x32']);
  expect(shapes(captured.encoderAttentions)).toEqual(['2x4x7x7', '2x4x7x7']);
  expect(shapes(captured.attentions)).toEqual(['2x4x5x5', '2x4x5x5', '2x4x5x5']);
  expect(shapes(captured.crossAttentions)).toEqual(['2x4x5x7', '2x4x5x7', '2x4x5x7']);
  expectSameBits(captured.encoderHiddenStates[0]!, model.model.tokens.call(ids));
  expectSameBits(captured.hiddenStates[0]!, model.model.tokens.call(decoderIds));
  expectSameBits(captured.encoderHiddenStates[2]!, model.encode(ids));
  expectSameBits(captured.hiddenStates[3]!, value);
  dispose([value, ...Object.values(captured).flat()]);
});

describe('wrong inputs are told', () => {
  test('ids, masks and states of another shape', async () => {
    using model = new T5(SMALL);
    const [ids, decoderIds, mask] = [source(), target(), tensor2d([[1, 1]], [1, 2], 'int32')];
    const encoded = model.encode(ids);
    const narrow = slice(encoded, [0, 0, 0], [-1, -1, 31]);
    const refuse = (f: () => unknown, message: string): Promise<Error> => expectError(f, { code: 'shape', message });
    await refuse(
      () => model.call(encoded as never, { decoderIds }),
      'T5Model: ids must be [batch, seq], got [2, 7, 32]',
    );
    await refuse(
      () => model.call(ids, { decoderIds, attentionMask: mask }),
      'T5Encoder: attentionMask must be [2, 7], got [1, 2]',
    );
    await refuse(
      () => model.decode(decoderIds, { encoded, attentionMask: mask }),
      'T5Decoder: attentionMask must be [2, 7], got [1, 2]',
    );
    await refuse(
      () => model.decode(decoderIds, { encoded, decoderAttentionMask: mask }),
      'T5Decoder: decoderAttentionMask must be [2, 5], got [1, 2]',
    );
    await refuse(() => model.decode(decoderIds, { encoded: narrow }), 'T5Decoder: encoded must be [2, keys, 32]');
    await refuse(() => model.loss(ids, { targets: mask }), 'T5Decoder: encoded must be [1, keys, 32], got [2, 7, 32]');
  });

  test('with a cache the mask is of all tokens of the target', async () => {
    using model = new T5(SMALL);
    using cache = new EncoderDecoderCache();
    const encoded = model.encode(source());
    model.decode(target(), { encoded, cache });
    const [one, mask] = [target(1), tensor2d([[1], [1]], [2, 1], 'int32')];
    await expectError(() => model.decode(one, { encoded, cache, decoderAttentionMask: mask }), {
      code: 'shape',
      message: 'T5Decoder: decoderAttentionMask must be [2, 6], got [2, 1]',
    });
  });

  test('buckets that can not be', async () => {
    await expectError(() => new T5({ ...SMALL, numBuckets: 2 }), { code: 'config', message: 'numBuckets' });
  });
});
