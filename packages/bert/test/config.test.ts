import { describe, expect, test } from 'vitest';

import { expectError, useEngineForTests } from '../../testing/src/index.ts';
import {
  BERT_PRESETS,
  BertModel,
  bertConfig,
  bertConfigFromHuggingFace,
  DISTILBERT_PRESETS,
  DistilBertModel,
  distilBertConfig,
  distilBertConfigFromHuggingFace,
  ROBERTA_PRESETS,
  RobertaModel,
  robertaConfig,
  robertaConfigFromHuggingFace,
} from '../src/index.ts';

useEngineForTests();

const size = { vocabSize: 30, ...BERT_PRESETS.testing };

describe.each([
  ['BertConfig', bertConfig],
  ['RobertaConfig', robertaConfig],
  ['DistilBertConfig', distilBertConfig],
] as const)('%s', (name, complete) => {
  test.each<[object, string]>([
    [{ dim: 30 }, 'dim must be divisible by numHeads, got 30 and 4'],
    [{ vocabSize: 0 }, 'vocabSize must be a whole number from 1 to 2^24, got 0'],
    [{ contextLength: 1.5 }, 'contextLength must be'],
    [{ dropout: 1 }, 'dropout must be a number from 0 to below 1, got 1'],
    [{ attentionDropout: -0.1 }, 'attentionDropout must be'],
    [{ classifierDropout: 2 }, 'classifierDropout must be'],
    [{ activation: 'sine' }, 'activation must be one of'],
    [{ labels: [] }, 'labels must be at least one name'],
    [{ problemType: 'ranking' }, 'problemType must be one of'],
    [{ padTokenId: 30 }, 'padTokenId must be from 0 to 29, got 30'],
    [{ padTokenId: -1 }, 'padTokenId must be from 0 to 29, got -1'],
    [{ numlayers: 3 }, 'there is no option numlayers'],
    [{ vocabSize: 2 ** 24, dim: 2 ** 12, numHeads: 1 }, 'a model may have up to'],
  ])('%o is refused', async (change, message) => {
    await expectError(() => complete({ ...size, ...change }), { code: 'config', message: `${name}: ${message}` });
  });

  test('a whole one is its own completion', () => {
    const config = complete({ ...size, labels: ['a'], problemType: 'regression' });
    expect(complete(config as never)).toEqual(config);
    expect(config).toMatchObject({ hiddenDim: 128, dropout: 0.1, tieEmbeddings: true });
  });
});

test('an empty config.json is that of the base model', () => {
  expect(bertConfigFromHuggingFace({})).toEqual(bertConfig({ vocabSize: 30522, ...BERT_PRESETS['bert-base'] }));
  expect(distilBertConfigFromHuggingFace({})).toEqual(
    distilBertConfig({ vocabSize: 30522, ...DISTILBERT_PRESETS['distilbert-base'] }),
  );
  // Hugging Face's default, unlike the published model, has 512 rows of positions, two kinds of tokens and BERT's epsilon.
  expect(robertaConfigFromHuggingFace({})).toEqual(
    robertaConfig({
      vocabSize: 50265,
      ...ROBERTA_PRESETS['roberta-base'],
      contextLength: 510,
      numTokenTypes: 2,
      normEpsilon: 1e-12,
    }),
  );
});

test('roberta-base`s config.json is the preset', () => {
  const published = {
    hidden_act: 'gelu',
    layer_norm_eps: 1e-5,
    max_position_embeddings: 514,
    type_vocab_size: 1,
    vocab_size: 50265,
    pad_token_id: 1,
    bos_token_id: 0,
    eos_token_id: 2,
  };
  expect(robertaConfigFromHuggingFace(published)).toEqual(
    robertaConfig({ vocabSize: 50265, ...ROBERTA_PRESETS['roberta-base'] }),
  );
});

test('null is none, and of several end tokens it is the first', () => {
  const json = { pad_token_id: null, classifier_dropout: null, problem_type: null, eos_token_id: [7, 8] };
  expect(bertConfigFromHuggingFace(json)).toMatchObject({
    padTokenId: undefined,
    classifierDropout: undefined,
    problemType: undefined,
    eosTokenId: 7,
  });
  expect(distilBertConfigFromHuggingFace(json)).toMatchObject({ padTokenId: undefined, eosTokenId: 7 });
});

test('DistilBERT`s sizes may have the names that BERT gives them', () => {
  const json = { hidden_size: 36, num_attention_heads: 3, num_hidden_layers: 1 };
  expect(distilBertConfigFromHuggingFace(json)).toMatchObject({ dim: 36, numHeads: 3, numLayers: 1 });
});

test('the published sizes: parameters as counted by Transformers', () => {
  // Of one layer and a small vocabulary, so that it is quick: what the rest adds is counted.
  using bert = new BertModel({ vocabSize: 1, ...BERT_PRESETS['bert-base'], numLayers: 1 }, { seed: null });
  const layer = 7_087_872;
  expect(bert.numParameters + 11 * layer + (30522 - 1) * 768).toBe(109_482_240);
  using roberta = new RobertaModel({ vocabSize: 2, ...ROBERTA_PRESETS['roberta-base'], numLayers: 1 }, { seed: null });
  expect(roberta.numParameters + 11 * layer + (50265 - 2) * 768).toBe(124_645_632);
  using distil = new DistilBertModel(
    { vocabSize: 1, ...DISTILBERT_PRESETS['distilbert-base'], numLayers: 1 },
    { seed: null },
  );
  expect(distil.numParameters + 5 * layer + (30522 - 1) * 768).toBe(66_362_880);
});
