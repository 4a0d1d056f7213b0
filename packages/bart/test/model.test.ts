import { EncoderDecoderCache, GrowingKVCache } from '@formers/attention';
import { capture, layerNorm, linear, valueAndGradients } from '@formers/backend';
import {
  add,
  concat,
  dispose,
  gather,
  mul,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  type Variable,
  zerosLike,
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
import { BART, BART_PRESETS, BARTForCausalLM, BARTModel, type BARTOptions } from '../src/index.ts';

useEngineForTests();

const SMALL: BARTOptions = { vocabSize: 40, ...BART_PRESETS.testing, initStd: 0.3 };
const UNTIED: BARTOptions = { ...SMALL, tieEmbeddings: false };
const source = (seq = 7): Tensor2D => randomIds<Tensor2D>([2, seq], { bound: 40 });
const target = (seq = 5): Tensor2D => randomIds<Tensor2D>([2, seq], { bound: 40, seed: 1 });
const std = (values: number[]): number =>
  Math.sqrt(values.reduce((total, value) => total + value ** 2, 0) / values.length);

test('has the parameters of BART', () => {
  using model = new BART({ ...SMALL, numLayers: 1, numDecoderLayers: 1, logitsBias: true }, { seed: null });
  const pair = (name: string): string[] => [`${name}.weight`, `${name}.bias`];
  const attention = (name: string): string[] =>
    ['query', 'key', 'value', 'output'].flatMap((one) => pair(`${name}.${one}`));
  const stack = (name: string, parts: string[]): string[] => [
    `model.${name}.positions.weight`,
    ...pair(`model.${name}.norm`),
    ...parts.map((one) => `model.${name}.layers.0.${one}`),
  ];
  const mlp = [...pair('mlp.hidden'), ...pair('mlp.output')];
  expect([...model.namedParameters().keys()]).toEqual([
    'model.tokens.weight',
    ...stack('encoder', [...attention('attention'), ...pair('norm1'), ...mlp, ...pair('norm2')]),
    ...stack('decoder', [
      ...attention('selfAttention'),
      ...pair('norm1'),
      ...attention('crossAttention'),
      ...pair('norm2'),
      ...mlp,
      ...pair('norm3'),
    ]),
    'logitsBias',
  ]);
  using untied = new BART(UNTIED, { seed: null });
  expect([...untied.namedParameters().keys()].filter((path) => /okens|head/.test(path))).toEqual([
    'model.tokens.weight',
    'model.sourceTokens.weight',
    'model.targetTokens.weight',
    'head.weight',
  ]);
});

test.each([
  ['that nothing reads', { tieEmbeddings: false, shareEmbeddings: false }, false],
  ['that the output projection reads', { tieEmbeddings: true, shareEmbeddings: false }, true],
  ['that encoder and decoder read', { tieEmbeddings: false, shareEmbeddings: true }, true],
] as const)('a table %s is trained or not', (_, options, trained) => {
  using model = new BART({ ...UNTIED, ...options });
  const { weight } = model.model.tokens;
  expect(weight.trainable).toBe(trained);
  const { gradients } = valueAndGradients(() => model.loss(source(), { targets: target() }), [weight]);
  expect(valuesOf(gradients[0]!).some((value) => value !== 0)).toBe(trained);
});

test.each([1, 2, 3])('the first weights have BART`s deviation within 5 percent, biases 0, gains 1, seed %i', (seed) => {
  using model = new BART(
    { ...UNTIED, vocabSize: 300, contextLength: 99, dim: 64, hiddenDim: 96, initStd: 0.02 },
    { seed },
  );
  for (const [path, parameter] of model.namedParameters()) {
    const values = valuesOf(parameter);
    if (path.endsWith('okens.weight')) {
      expect(
        values.slice(64, 128).every((value) => value === 0),
        'padding',
      ).toBe(true);
      values.splice(64, 64);
    }
    const wanted = /norm\d?\.weight$/.test(path) ? 1 : path.endsWith('bias') ? 0 : 0.02;
    if (wanted === 0.02) expect(Math.abs(std(values) / wanted - 1), path).toBeLessThan(0.05);
    else
      expect(
        values.every((value) => value === wanted),
        path,
      ).toBe(true);
  }
});

test('the same seed gives the same base under any head', () => {
  using bare = new BARTModel(UNTIED, { seed: 3 });
  using whole = new BART(UNTIED, { seed: 3 });
  for (const [path, parameter] of bare.namedParameters())
    expectSameBits(whole.namedParameters().get(`model.${path}`)!, parameter);
});

describe('positions', () => {
  test('begin at the third row; at the end of the table it is told, also with a cache', async () => {
    using model = new BART(SMALL);
    const { tokens, encoder } = model.model;
    const embedded = add(tokens.call(source()), slice(encoder.positions.weight, [2, 0], [7, -1])) as Tensor3D;
    const { value, encoderHiddenStates } = capture(() => model.encode(source()), ['encoderHiddenStates']);
    expectClose(encoderHiddenStates[0]!, layerNorm(embedded, encoder.norm), { atol: 1e-5 });
    dispose([value, ...encoderHiddenStates]);
    expect(encoder.positions.weight.shape).toEqual([18, 32]);

    expect(model.call(source(16), { decoderIds: target(16) }).shape).toEqual([2, 16, 40]);
    const [long, ids, one] = [source(17), source(), target(1)];
    await expectError(() => model.encode(long), { code: 'shape', message: 'there are 16 positions, got 17 tokens' });
    using cache = new EncoderDecoderCache();
    const encoded = model.encode(ids);
    model.decode(target(16), { encoded, cache });
    await expectError(() => model.decode(one, { encoded, cache }), { code: 'shape', message: 'from position 16' });
  });

  test('are what tells the encoder the order of tokens', () => {
    using model = new BARTModel(SMALL);
    const order = [3, 0, 4, 1, 2];
    const ids = source(5);
    const difference = (): number => {
      const after = valuesOf(model.encode(gather(ids, order, 1) as Tensor2D));
      const before = valuesOf(gather(model.encode(ids), order, 1));
      return Math.max(...after.map((value, i) => Math.abs(value - before[i]!)));
    };
    expect(difference()).toBeGreaterThan(0.01);
    model.encoder.positions.weight.assign(zerosLike(model.encoder.positions.weight));
    expect(difference()).toBeLessThan(1e-5);
  });
});

describe('tables of tokens', () => {
  test('scaled, are multiplied by √dim', () => {
    using plain = new BART(UNTIED, { seed: 1 });
    using scaled = new BART({ ...UNTIED, scaleEmbeddings: true }, { seed: 1 });
    const before = scaled.call(source(), { decoderIds: target() });
    for (const { weight } of [plain.model.sourceTokens!, plain.model.targetTokens!])
      weight.assign(mul(weight, Math.sqrt(32)) as Tensor2D);
    expectClose(plain.call(source(), { decoderIds: target() }), before, { atol: 1e-4 });
  });

  test('tied, are one with the output projection, whose gradient is the sum of all uses', () => {
    using tied = new BART(SMALL, { seed: 1 });
    using apart = new BART(UNTIED, { seed: 1 });
    for (const [path, parameter] of tied.namedParameters()) apart.namedParameters().get(path)!.assign(parameter);
    const tables = [apart.model.sourceTokens!, apart.model.targetTokens!, apart.head!].map(({ weight }) => weight);
    for (const table of tables) table.assign(tied.model.tokens.weight);
    expect(tied.parameters()).toHaveLength(apart.parameters().length - 3);
    const [ids, targets] = [source(), target()];
    const { gradients: all } = valueAndGradients(() => tied.loss(ids, { targets }), [tied.model.tokens.weight]);
    const { gradients } = valueAndGradients(() => apart.loss(ids, { targets }), tables);
    expectClose(all[0]!, add(add(gradients[0]!, gradients[1]!), gradients[2]!), { rtol: 1e-4, atol: 1e-6 });
    for (const gradient of gradients) expect(Math.hypot(...valuesOf(gradient))).toBeGreaterThan(1e-3);
  });

  test('do not learn padding from being read', () => {
    using model = new BART(UNTIED, { seed: 1 });
    const ids = tensor2d([[1, 5, 1]], [1, 3], 'int32');
    const table = model.model.sourceTokens!.weight;
    const { gradients } = valueAndGradients(() => sum(mul(model.encode(ids), randomTensor([1, 3, 32]))), [table]);
    const row = (id: number): number[] => valuesOf(slice(gradients[0] as Tensor2D, [id, 0], [1, -1]));
    expect(row(1).every((value) => value === 0)).toBe(true);
    expect(Math.hypot(...row(5))).toBeGreaterThan(1e-3);
  });
});

test('a bias of the logits is added, in the loss as well, and not trained', () => {
  using model = new BART({ ...SMALL, logitsBias: true }, { seed: 1 });
  using plain = new BART(SMALL, { seed: 1 });
  const [ids, targets] = [source(), target()];
  expectClose(model.loss(ids, { targets, labelSmoothing: 0.1 }), plain.loss(ids, { targets, labelSmoothing: 0.1 }), {
    rtol: 1e-5,
  });
  const bias = randomTensor<Tensor2D>([1, 40]);
  model.logitsBias!.assign(bias);
  const logits = add(plain.call(ids, { decoderIds: targets }), bias);
  expectClose(model.call(ids, { decoderIds: targets }), logits, { atol: 1e-5 });
  expectClose(
    model.call(ids, { decoderIds: targets }),
    add(linear(model.model.call(ids, { decoderIds: targets }), model.model.tokens.weight), bias),
    { atol: 1e-5 },
  );
  expect(model.logitsBias!.trainable).toBe(false);
  model.resizeVocabulary(43);
  expect(model.logitsBias!.shape).toEqual([1, 43]);
  expect(model.call(ids, { decoderIds: targets }).shape).toEqual([2, 5, 43]);
});

test('without a target the decoder reads the source, moved right behind the start token', () => {
  using model = new BARTModel(SMALL);
  const ids = source();
  const values = valuesOf(ids);
  const moved = values.map((_, i) => (i % 7 === 0 ? 2 : values[i - 1]!));
  expectSameBits(model.call(ids), model.call(ids, { decoderIds: tensor2d(moved, [2, 7], 'int32') }));
});

test('capturing tells encoder and decoder apart: the normalised embeddings, then the layers', () => {
  using model = new BARTModel({ ...SMALL, numDecoderLayers: 3, numDecoderHeads: 2 });
  const [ids, decoderIds] = [source(), target()];
  const { value, ...captured } = capture(() => model.call(ids, { decoderIds }));
  const shapes = (tensors: Tensor[]): string[] => tensors.map(({ shape }) => shape.join('x'));
  expect(shapes(captured.encoderHiddenStates)).toEqual(['2x7x32', '2x7x32', '2x7x32']);
  expect(shapes(captured.hiddenStates)).toEqual(['2x5x32', '2x5x32', '2x5x32', '2x5x32']);
  expect(shapes(captured.encoderAttentions)).toEqual(['2x4x7x7', '2x4x7x7']);
  expect(shapes(captured.attentions)).toEqual(['2x2x5x5', '2x2x5x5', '2x2x5x5']);
  expect(shapes(captured.crossAttentions)).toEqual(['2x2x5x7', '2x2x5x7', '2x2x5x7']);
  expectSameBits(captured.encoderHiddenStates[2]!, model.encode(ids));
  expectSameBits(captured.hiddenStates[3]!, value);
  dispose([value, ...Object.values(captured).flat()]);
});

describe('the decoder alone', () => {
  test('is a language model: causal, with a cache as without, and the loss of what follows', () => {
    using model = new BARTForCausalLM(SMALL, { seed: 1 });
    const ids = source();
    const full = model.call(ids);
    const changed = concat([slice(ids, [0, 0], [-1, 4]), slice(source(8), [0, 0], [-1, 3])], 1) as Tensor2D;
    expectSameBits(slice(model.call(changed), [0, 0, 0], [-1, 4, -1]), slice(full, [0, 0, 0], [-1, 4, -1]));
    using cache = new GrowingKVCache();
    const parts = [3, 1, 3].map((length, i) => model.call(slice(ids, [0, [0, 3, 4][i]!], [-1, length]), { cache }));
    expectClose(concat(parts, 1), full, { rtol: 1e-4, atol: 1e-4 });
    expectClose(model.call(ids, { lastOnly: true }), slice(full, [0, 6, 0], [-1, 1, -1]), { atol: 1e-5 });
    const targets = tensor2d(
      [...new Array<number>(7).fill(-100), -100, 4, ...new Array<number>(5).fill(-100)],
      [2, 7],
      'int32',
    );
    const row = valuesOf(slice(full, [1, 1, 0], [1, 1, -1]));
    const total = Math.log(row.reduce((sumOf, logit) => sumOf + Math.exp(logit), 0));
    expectClose(model.loss(ids, { targets }), total - row[4]!, { rtol: 1e-4 });
  });

  test('of a whole model is that one`s, without a source', async () => {
    using whole = new BART(SMALL, { seed: 1 });
    const files = new Map<string, Uint8Array>();
    await whole.savePretrained(files);
    await expectError(() => BARTForCausalLM.fromPretrained(files), {
      code: 'mismatch',
      message: 'model.decoder.embed_tokens.weight',
    });
    using alone = new BARTForCausalLM(SMALL, { seed: 1 });
    const variables = alone.namedParameters();
    for (const [path, parameter] of whole.model.namedParameters()) variables.get(path)?.assign(parameter as Variable);
    const found = alone.call(source());
    const embedded = whole.model.tokens.call(source());
    expectClose(found, linear(whole.model.decoder.call(embedded), whole.model.tokens.weight), { atol: 1e-5 });
  });
});

test('wrong inputs are told', async () => {
  using model = new BART(SMALL);
  const [ids, decoderIds, mask] = [source(), target(), tensor2d([[1, 1]], [1, 2], 'int32')];
  const encoded = model.encode(ids);
  const refuse = (f: () => unknown, message: string): Promise<Error> => expectError(f, { code: 'shape', message });
  await refuse(() => model.call(encoded as never), 'BARTModel: ids must be [batch, seq], got [2, 7, 32]');
  await refuse(
    () => model.call(ids, { decoderIds, attentionMask: mask }),
    'BARTEncoder: attentionMask must be [2, 7], got [1, 2]',
  );
  await refuse(
    () => model.decode(decoderIds, { encoded, attentionMask: mask }),
    'BARTDecoder: attentionMask must be [2, 7], got [1, 2]',
  );
  await refuse(
    () => model.decode(decoderIds, { encoded, decoderAttentionMask: mask }),
    'BARTDecoder: decoderAttentionMask must be [2, 5], got [1, 2]',
  );
  await refuse(() => model.loss(ids, { targets: mask }), 'BARTDecoder: encoded must be [1, keys, 32], got [2, 7, 32]');
});
