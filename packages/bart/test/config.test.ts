import { ConfigError } from '@formers/backend';
import type { JsonObject } from '@formers/checkpoints';
import { expect, test } from 'vitest';

import { BART_PRESETS, bartConfig, bartConfigFromHuggingFace, type BARTOptions } from '../src/index.ts';

const base: BARTOptions = { vocabSize: 10, contextLength: 8, dim: 8, numHeads: 2, numLayers: 1 };

test('fills in the values of BART', () => {
  expect(bartConfig(base)).toEqual({
    ...base,
    hiddenDim: 32,
    numDecoderLayers: 1,
    numDecoderHeads: 2,
    decoderHiddenDim: 32,
    activation: 'gelu',
    dropout: 0.1,
    attentionDropout: 0,
    activationDropout: 0,
    classifierDropout: 0,
    initStd: 0.02,
    scaleEmbeddings: false,
    tieEmbeddings: true,
    shareEmbeddings: true,
    logitsBias: false,
    labels: ['LABEL_0', 'LABEL_1', 'LABEL_2'],
    problemType: undefined,
    bosTokenId: 0,
    padTokenId: 1,
    eosTokenId: 2,
    decoderStartTokenId: 2,
  });
});

test('what belongs together follows, unless it is told apart', () => {
  expect(bartConfig({ ...base, tieEmbeddings: false }).shareEmbeddings).toBe(false);
  expect(bartConfig({ ...base, tieEmbeddings: false, shareEmbeddings: true }).shareEmbeddings).toBe(true);
  expect(bartConfig({ ...base, hiddenDim: 12 }).decoderHiddenDim).toBe(12);
  expect(bartConfig({ ...base, eosTokenId: 5 }).decoderStartTokenId).toBe(5);
});

test('a config passes as options, and comes out the same', () => {
  const config = bartConfig({ ...base, numDecoderHeads: 4, labels: ['x'], scaleEmbeddings: true });
  expect(bartConfig(config)).toEqual(config);
});

test.each(Object.entries(BART_PRESETS))('preset %s is a config', (_, preset) => {
  expect(bartConfig({ vocabSize: 50265, ...preset })).toMatchObject(preset);
});

test.each<[object, string]>([
  ...[
    'vocabSize',
    'contextLength',
    'dim',
    'numLayers',
    'numHeads',
    'hiddenDim',
    'numDecoderLayers',
    'decoderHiddenDim',
  ].flatMap((name) =>
    [0, -1, 2.5, NaN, Infinity, '8', null].map((value): [object, string] => [
      { hiddenDim: 8, decoderHiddenDim: 8, [name]: value },
      `BARTConfig: ${name} must be a whole number from 1 to 2^24`,
    ]),
  ),
  [{ numHeads: 3, numDecoderHeads: 2 }, 'BARTConfig: dim must be divisible by numHeads, got 8 and 3'],
  [{ numDecoderHeads: 5 }, 'BARTConfig: dim must be divisible by numDecoderHeads, got 8 and 5'],
  [{ padTokenId: 10 }, 'BARTConfig: padTokenId must be among the 10 tokens, got 10'],
  [{ padTokenId: -1 }, 'BARTConfig: padTokenId must be among the 10 tokens, got -1'],
  [{ dropout: 1 }, 'BARTConfig: dropout must be a number from 0 to below 1, got 1'],
  [{ normFirst: true }, 'BARTConfig: there is no option normFirst'],
  [{ vocabSize: 2 ** 24, dim: 2 ** 10 }, 'BARTConfig: a model may have up to 8589934592 parameters'],
])('%o is refused', (options, message) => {
  const refused = (): unknown => bartConfig({ ...base, ...options });
  expect(refused).toThrow(ConfigError);
  expect(refused).toThrow(message);
});

test.each<[JsonObject, object]>([
  [{}, { vocabSize: 50265, contextLength: 1024, dim: 1024, numLayers: 12, numHeads: 16, hiddenDim: 4096 }],
  [{}, { numDecoderLayers: 12, numDecoderHeads: 16, decoderHiddenDim: 4096, activation: 'gelu', eosTokenId: 2 }],
  [{ num_labels: 2 }, { labels: ['LABEL_0', 'LABEL_1'] }],
  [{ tie_word_embeddings: false }, { tieEmbeddings: false, shareEmbeddings: false }],
  [
    { activation_function: 'gelu_new', scale_embedding: true },
    { activation: 'geluTanh', scaleEmbeddings: true },
  ],
  [{ eos_token_id: [7, 8] }, { eosTokenId: 7, decoderStartTokenId: 2 }],
])('config.json %o', (json, expected) => {
  expect(bartConfigFromHuggingFace(json)).toMatchObject(expected);
});

test.each<[JsonObject, string]>([
  [{ activation_function: 'nothing' }, 'activation_function must be one of'],
  [{ encoder_layers: 0 }, 'numLayers must be'],
  [{ decoder_attention_heads: 7 }, 'dim must be divisible by numDecoderHeads'],
  [{ d_model: 1e308 }, 'dim must be'],
])('config.json %o is refused', (json, message) => {
  expect(() => bartConfigFromHuggingFace(json)).toThrow(message);
});
