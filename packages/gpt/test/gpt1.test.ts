import { attend, layerNorm, linear, splitHeads, valueAndGradients } from '@formers/backend';
import {
  add,
  concat,
  mul,
  reshape,
  type Scalar,
  slice,
  split,
  square,
  sum,
  type Tensor,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  randomIds,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import {
  GPT1,
  GPT1_PRESETS,
  gpt1Config,
  gpt1ConfigFromHuggingFace,
  GPT1ForSequenceClassification,
  GPT1Model,
  type GPT1Options,
} from '../src/index.ts';
import { gpt1Mask } from '../src/masks.ts';

useEngineForTests();

const SMALL: GPT1Options = { vocabSize: 40, ...GPT1_PRESETS.testing, initStd: 0.3 };
const ids = (): Tensor2D => randomIds<Tensor2D>([2, 6], { bound: 40 });

test.each(['geluTanh', 'relu', 'silu'] as const)('is GPT-1 by its paper: post-norm, %s', (activation) => {
  using model = new GPT1Model({ ...SMALL, activation });
  [...model.namedParameters()].forEach(([path, parameter], i) => {
    if (path.endsWith('bias')) parameter.assign(randomTensor(parameter.shape, { seed: i, std: 0.2 }));
    else if (path.includes('norm')) parameter.assign(add(1, randomTensor(parameter.shape, { seed: i, std: 0.2 })));
  });
  let x = add(model.tokens.call(ids()), slice(model.positions.weight, [0, 0], [6, -1])) as Tensor3D;
  for (const { attention, norm1, mlp, norm2 } of model.layers) {
    const { queryKeyValue, output } = attention;
    const qkv: Tensor3D = linear(x, queryKeyValue.weight, { bias: queryKeyValue.bias });
    const [q, k, v] = split<Tensor3D>(qkv, 3, 2).map((part) => splitHeads(part, 4)) as [Tensor4D, Tensor4D, Tensor4D];
    const heads = split(attend(q, k, v, { causal: true, scale: 1 / Math.sqrt(8) }), 4, 1); // each [batch, 1, seq, headDim]
    const merged = concat(
      heads.map((one) => reshape(one, [2, 6, -1])),
      2,
    ) as Tensor3D;
    x = layerNorm(add(x, linear(merged, output.weight, { bias: output.bias })), norm1);
    const hidden: Tensor3D = linear(x, mlp.hidden.weight, { bias: mlp.hidden.bias, activation });
    x = layerNorm(add(x, linear(hidden, mlp.output.weight, { bias: mlp.output.bias })), norm2);
  }
  expectClose(model.call(ids()), x, { rtol: 1e-4, atol: 1e-4 });
});

test('padding that sees no token sees all later tokens alike, and a row of padding all of itself', () => {
  const { mask, evenly } = gpt1Mask(
    tensor2d(
      [
        [0, 0, 1, 1],
        [0, 0, 0, 0],
        [1, 1, 0, 0],
      ],
      [3, 4],
      'int32',
    ),
    4,
  );
  expect(valuesOf(mask)).toEqual(
    [
      [0, 0, 1, 1],
      [0, 0, 1, 1],
      [0, 0, 1, 0],
      [0, 0, 1, 1],
      ...Array.from({ length: 4 }, () => [1, 1, 1, 1]),
      [1, 0, 0, 0],
      ...Array.from({ length: 3 }, () => [1, 1, 0, 0]),
    ].flat(),
  );
  expect(valuesOf(evenly)).toEqual([1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]);
});

test('what padding sees doesn`t depend on its query, which learns nothing: Hugging Face overwrites those scores', () => {
  using model = new GPT1Model({ ...SMALL, numLayers: 1 });
  const [layer] = model.layers;
  const { weight, bias } = layer!.attention.queryKeyValue;
  const attentionMask = tensor2d([[0, 1, 1, 1]], [1, 4], 'int32');
  const direction = randomTensor([32], { seed: 3 });
  const padding = (): Scalar =>
    sum(
      mul(
        slice(model.call(randomIds<Tensor2D>([1, 4], { bound: 40 }), { attentionMask }), [0, 0, 0], [1, 1, -1]),
        direction,
      ),
    );

  const { value, gradients } = valueAndGradients(padding, [weight, bias!]);
  const [ofQueries, ofKeys, ofValues] = split(gradients[0] as Tensor, 3).map((rows) => valuesOf(sum(square(rows)))[0]!);
  expect([ofQueries, ofKeys]).toEqual([0, 0]);
  expect(ofValues).toBeGreaterThan(1e-3);
  expect(valuesOf(slice(gradients[1] as Tensor, 0, 64)).every((number) => number === 0)).toBe(true);
  weight.assign(concat([mul(slice(weight, 0, 32), 3), slice(weight, 32)])); // other queries
  expectClose(padding(), value);
});

describe('the config', () => {
  test('fills in the paper`s values, which come back from a file', async () => {
    expect(gpt1Config(SMALL)).toMatchObject({ activation: 'geluTanh', normEpsilon: 1e-5, embeddingDropout: 0 });
    using model = new GPT1({
      ...SMALL,
      activation: 'silu',
      dropout: 0.2,
      tieEmbeddings: false,
      labels: ['a', 'b', 'c'],
      eosTokenId: 3,
    });
    const files = new Map<string, Uint8Array>();
    await model.savePretrained(files);
    expect(JSON.parse(new TextDecoder().decode(files.get('config.json')))).toMatchObject({
      model_type: 'openai-gpt',
      architectures: ['OpenAIGPTLMHeadModel'],
      afn: 'silu',
      n_embd: 32,
    });
    using loaded = await GPT1.fromPretrained(files);
    expect(loaded.config).toEqual(model.config);
  });

  test('`gelu` of its files is the approximation by tanh; what it has not is refused', async () => {
    expect(gpt1ConfigFromHuggingFace({ afn: 'gelu' })).toMatchObject({ activation: 'geluTanh', vocabSize: 40478 });
    await expectError(() => gpt1ConfigFromHuggingFace({ afn: 'mish' }), {
      code: 'config',
      message: 'afn must be one of',
    });
    await expectError(() => gpt1Config({ ...SMALL, activation: 'gelu' as never }), {
      code: 'config',
      message: 'GPT1Config: activation must be one of geluTanh, relu, silu',
    });
    await expectError(() => gpt1Config({ ...SMALL, numHeads: 5 }), {
      code: 'config',
      message: 'divisible by numHeads',
    });
  });
});

test('the classifier reads the last token that is not padding', () => {
  using model = new GPT1ForSequenceClassification({ ...SMALL, labels: ['a', 'b', 'c'], padTokenId: 0 });
  const rows = tensor2d([[5, 6, 0, 0]], [1, 4], 'int32');
  const hidden = slice(model.decoder.call(rows), [0, 1, 0], [1, 1, -1]);
  expectClose(model.call(rows), model.head.call(reshape(hidden, [1, -1])), { atol: 1e-5 });
});
