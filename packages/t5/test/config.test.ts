import { ConfigError } from '@formers/backend';
import type { JsonObject } from '@formers/checkpoints';
import { expect, test } from 'vitest';

import { T5_PRESETS, t5Config, t5ConfigFromHuggingFace, type T5Options } from '../src/index.ts';

const base: T5Options = { vocabSize: 10, dim: 8, numHeads: 2, numLayers: 1 };

test('fills in the values of T5', () => {
  expect(t5Config(base)).toEqual({
    ...base,
    contextLength: Infinity,
    headDim: 4,
    hiddenDim: 32,
    numDecoderLayers: 1,
    numBuckets: 32,
    maxDistance: 128,
    activation: 'relu',
    gated: false,
    dropout: 0.1,
    normEpsilon: 1e-6,
    initFactor: 1,
    tieEmbeddings: true,
    scaleOutputs: true,
    classifierDropout: 0,
    labels: ['LABEL_0', 'LABEL_1'],
    problemType: undefined,
    padTokenId: 0,
    eosTokenId: 1,
    decoderStartTokenId: 0,
  });
});

test('what belongs together follows, unless it is told apart', () => {
  expect(t5Config({ ...base, tieEmbeddings: false }).scaleOutputs).toBe(false);
  expect(t5Config({ ...base, tieEmbeddings: false, scaleOutputs: true }).scaleOutputs).toBe(true);
  expect(t5Config({ ...base, numLayers: 3 }).numDecoderLayers).toBe(3);
  expect(t5Config({ ...base, padTokenId: 4 }).decoderStartTokenId).toBe(4);
});

test('a config passes as options, and comes out the same', () => {
  const config = t5Config({ ...base, gated: true, numDecoderLayers: 4, labels: ['x'] });
  expect(t5Config(config)).toEqual(config);
});

test.each(Object.entries(T5_PRESETS))('preset %s is a config', (_, preset) => {
  expect(t5Config({ vocabSize: 32128, ...preset })).toMatchObject(preset);
});

test.each<[object, string]>([
  ...['vocabSize', 'dim', 'numHeads', 'headDim', 'hiddenDim', 'numLayers', 'numDecoderLayers', 'numBuckets'].flatMap(
    (name) =>
      [0, -1, 2.5, NaN, '8', null].map((value): [object, string] => [
        { headDim: 4, hiddenDim: 8, [name]: value },
        `T5Config: ${name} must be a whole number from 1 to 2^24`,
      ]),
  ),
  [{ dim: 9 }, 'T5Config: headDim must be a whole number'],
  [{ dropout: 1 }, 'T5Config: dropout must be a number from 0 to below 1, got 1'],
  [{ contextLength: 512 }, 'T5Config: contextLength must be Infinity'],
  [{ gated: 'yes' }, 'T5Config: gated must be true or false'],
  [{ numLayer: 2 }, 'T5Config: there is no option numLayer'],
  [{ vocabSize: 2 ** 24, dim: 2 ** 20 }, 'T5Config: a model may have up to 8589934592 parameters'],
])('%o is refused', (options, message) => {
  const refused = (): unknown => t5Config({ ...base, ...options });
  expect(refused).toThrow(ConfigError);
  expect(refused).toThrow(message);
});

test.each<[JsonObject, object]>([
  [{}, { vocabSize: 32128, dim: 512, headDim: 64, hiddenDim: 2048, numLayers: 6, numDecoderLayers: 6, numHeads: 8 }],
  [
    { num_layers: 3, num_decoder_layers: null },
    { numLayers: 3, numDecoderLayers: 3 },
  ],
  [{ feed_forward_proj: 'relu' }, { activation: 'relu', gated: false }],
  [{ feed_forward_proj: 'gated-gelu' }, { activation: 'geluTanh', gated: true }],
  [{ feed_forward_proj: 'gated-silu' }, { activation: 'silu', gated: true }],
  [{ feed_forward_proj: 'gelu' }, { activation: 'gelu', gated: false }],
  [
    { feed_forward_proj: 'gated-gelu', dense_act_fn: 'gelu' },
    { activation: 'gelu', gated: true },
  ],
  [
    { feed_forward_proj: 'relu', is_gated_act: true },
    { activation: 'relu', gated: true },
  ],
  [{ tie_word_embeddings: false }, { scaleOutputs: false, tieEmbeddings: false }],
  [{ tie_word_embeddings: true, scale_decoder_outputs: false }, { scaleOutputs: false }],
  [
    { eos_token_id: [5, 6], pad_token_id: 3 },
    { eosTokenId: 5, padTokenId: 3, decoderStartTokenId: 3 },
  ],
])('config.json %o', (json, expected) => {
  expect(t5ConfigFromHuggingFace(json)).toMatchObject(expected);
});

test.each<[JsonObject, string]>([
  [{ feed_forward_proj: 'soft-relu' }, 'feed_forward_proj must be the name of an activation, or gated- and one'],
  [{ feed_forward_proj: 'gated-relu-x' }, 'feed_forward_proj must be'],
  [{ feed_forward_proj: 'gated-nothing' }, 'feed_forward_proj must be one of'],
  [{ d_kv: '64' }, 'headDim must be a whole number'],
  [{ num_heads: 2 ** 31 }, 'numHeads must be'],
])('config.json %o is refused', (json, message) => {
  expect(() => t5ConfigFromHuggingFace(json)).toThrow(message);
});
