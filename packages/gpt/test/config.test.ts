import { ConfigError } from '@formers/backend';
import { describe, expect, test } from 'vitest';

import { GPT_PRESETS, gptConfig, gptConfigFromHuggingFace, type GPTOptions } from '../src/index.ts';

const base: GPTOptions = { vocabSize: 10, contextLength: 8, dim: 8, numHeads: 2, numLayers: 1 };

test('fills in the values of GPT-2', () => {
  expect(gptConfig(base)).toEqual({
    ...base,
    hiddenDim: 32,
    activation: 'geluTanh',
    embeddingDropout: 0,
    attentionDropout: 0,
    residualDropout: 0,
    normEpsilon: 1e-5,
    initStd: 0.02,
    tieEmbeddings: true,
    scaleAttention: true,
    scaleAttentionByLayer: false,
    labels: ['LABEL_0', 'LABEL_1'],
    problemType: undefined,
    bosTokenId: undefined,
    eosTokenId: undefined,
    padTokenId: undefined,
  });
});

test('dropout sets the three rates, unless one is told apart', () => {
  expect(gptConfig({ ...base, dropout: 0.1, attentionDropout: 0.3 })).toMatchObject({
    embeddingDropout: 0.1,
    attentionDropout: 0.3,
    residualDropout: 0.1,
  });
});

test('a config passes as options, and comes out the same', () => {
  const config = gptConfig({ ...base, dropout: 0.2, activation: 'relu', padTokenId: 3 });
  expect(gptConfig(config)).toEqual(config);
});

test.each(Object.entries(GPT_PRESETS))('preset %s is a config', (_, preset) => {
  expect(gptConfig({ vocabSize: 50257, ...preset })).toMatchObject(preset);
});

const SIZE = 'a whole number from 1 to 2^24';
const RATE = 'a number from 0 to below 1';

test.each<[object, string]>([
  ...(['vocabSize', 'contextLength', 'dim', 'hiddenDim', 'numHeads', 'numLayers'] as const).flatMap((name) =>
    ([0, -1, 2.5, NaN, Infinity, 2 ** 24 + 1, '8', null, undefined] as const).map((value): [object, string] => [
      { hiddenDim: 32, [name]: value },
      `GPTConfig: ${name} must be ${SIZE}, got ${typeof value === 'string' ? JSON.stringify(value) : value}`,
    ]),
  ),
  ...(['embeddingDropout', 'attentionDropout', 'residualDropout'] as const).flatMap((name) =>
    [1, -0.1, NaN, Infinity].map((value): [object, string] => [
      { [name]: value },
      `GPTConfig: ${name} must be ${RATE}, got ${value}`,
    ]),
  ),
  [{ dropout: 1 }, `GPTConfig: embeddingDropout must be ${RATE}, got 1`],
  [{ dropout: '0.1' }, `GPTConfig: embeddingDropout must be ${RATE}, got "0.1"`],
  [{ activation: 'gelu_new' }, 'GPTConfig: activation must be one of identity, relu, gelu, geluTanh'],
  [{ tieEmbeddings: 'no' }, 'GPTConfig: tieEmbeddings must be true or false, got "no"'],
  [{ scaleAttention: 1 }, 'GPTConfig: scaleAttention must be true or false, got 1'],
  [{ normEpsilon: -1e-5 }, 'GPTConfig: normEpsilon must be a finite number of at least 0, got -0.00001'],
  [{ initStd: Infinity }, 'GPTConfig: initStd must be a finite number of at least 0, got Infinity'],
  [{ padTokenId: 1.5 }, 'GPTConfig: padTokenId must be a whole number, got 1.5'],
  [{ numLayer: 2 }, 'GPTConfig: there is no option numLayer'],
  [{ ['__proto__x']: 2 }, 'GPTConfig: there is no option __proto__x'],
  [{ dim: 9 }, 'GPTConfig: dim must be divisible by numHeads, got 9 and 2'],
  [
    { dim: 2 ** 24, hiddenDim: 1, vocabSize: 2 ** 24, numHeads: 1 },
    'GPTConfig: a model may have up to 8589934592 parameters, got about',
  ],
])('%o is refused', (options, message) => {
  const refused = (): unknown => gptConfig({ ...base, ...options });
  expect(refused).toThrow(ConfigError);
  expect(refused).toThrow(message);
});

test('what must be said is asked for', () => {
  const { vocabSize: _, ...rest } = base;
  expect(() => gptConfig(rest as GPTOptions)).toThrow('GPTConfig: vocabSize must be given');
});

describe('from Hugging Face', () => {
  const json = { model_type: 'gpt2', vocab_size: 10, n_positions: 8, n_embd: 8, n_head: 2, n_layer: 1 };

  test('an empty config is GPT-2 as published', () => {
    expect(gptConfigFromHuggingFace({})).toMatchObject({
      vocabSize: 50257,
      contextLength: 1024,
      dim: 768,
      hiddenDim: 3072,
      numHeads: 12,
      numLayers: 12,
      embeddingDropout: 0.1,
      activation: 'geluTanh',
    });
  });

  test('every key', () => {
    const config = gptConfigFromHuggingFace({
      ...json,
      n_inner: 20,
      activation_function: 'relu',
      embd_pdrop: 0.2,
      attn_pdrop: 0.3,
      resid_pdrop: 0.4,
      layer_norm_epsilon: 1e-6,
      initializer_range: 0.05,
      tie_word_embeddings: false,
      scale_attn_weights: false,
      scale_attn_by_inverse_layer_idx: true,
      id2label: { 0: 'a', 1: 'b', 2: 'c' },
      bos_token_id: 1,
      eos_token_id: [2, 3],
      pad_token_id: 0,
    });
    expect(config).toEqual({
      ...base,
      hiddenDim: 20,
      activation: 'relu',
      embeddingDropout: 0.2,
      attentionDropout: 0.3,
      residualDropout: 0.4,
      normEpsilon: 1e-6,
      initStd: 0.05,
      tieEmbeddings: false,
      scaleAttention: false,
      scaleAttentionByLayer: true,
      labels: ['a', 'b', 'c'],
      problemType: undefined,
      bosTokenId: 1,
      eosTokenId: 2,
      padTokenId: 0,
    });
  });

  test.each<[Record<string, unknown>, string]>([
    [{ add_cross_attention: true }, 'add_cross_attention must be false'],
    [{ activation_function: 'geglu' }, 'activation_function must be one of'],
    [{ activation_function: 7 }, 'activation_function must be one of'],
    [{ n_head: 3 }, 'dim must be divisible by numHeads, got 8 and 3'],
    [{ n_embd: '8' }, `dim must be ${SIZE}, got "8"`],
    [{ n_embd: 0 }, `dim must be ${SIZE}, got 0`],
    [{ n_layer: -1 }, `numLayers must be ${SIZE}, got -1`],
    [{ n_layer: null }, `numLayers must be ${SIZE}, got null`],
    [{ n_inner: 1e308 }, `hiddenDim must be ${SIZE}, got 1e+308`],
    [{ vocab_size: 2 ** 31 }, `vocabSize must be ${SIZE}, got 2147483648`],
    [{ vocab_size: [10] }, `vocabSize must be ${SIZE}, got Array`],
    [{ resid_pdrop: 1 }, `residualDropout must be ${RATE}, got 1`],
    [{ layer_norm_epsilon: 'NaN' }, 'normEpsilon must be a finite number'],
    [{ tie_word_embeddings: 'true' }, 'tieEmbeddings must be true or false'],
    [{ id2label: {} }, 'labels must be at least one name'],
    [
      { vocab_size: 2 ** 24, n_positions: 2 ** 24, n_embd: 2 ** 20, n_head: 1 },
      'a model may have up to 8589934592 parameters',
    ],
  ])('%o is refused', (keys, message) => {
    const refused = (): unknown => gptConfigFromHuggingFace({ ...json, ...keys } as never);
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
  });

  test.each(['auto_map', '_attn_implementation', '__proto__', 'constructor', 'torch_dtype'])(
    'the key %s has no effect',
    (key) => {
      const config = gptConfigFromHuggingFace(
        Object.fromEntries([...Object.entries(json), [key, { evil: 1 }]]) as never,
      );
      expect(config).toEqual(gptConfigFromHuggingFace(json));
      expect('evil' in Object.prototype).toBe(false);
    },
  );
});
