import type { JsonObject } from '@formers/checkpoints';
import {
  activationFromHuggingFace,
  activationToHuggingFace,
  labelsFromHuggingFace,
  labelsToHuggingFace,
  type NameRow,
  type PretrainedFormat,
} from '@formers/nn';

import { layerNames, OLD_ENDINGS, within } from '../bert/hf.ts';
import { type DistilBertConfig, distilBertConfig } from './config.ts';

const ENCODER_NAMES: readonly NameRow[] = [
  ['tokens.weight', 'embeddings.word_embeddings.weight'],
  ['positions.weight', 'embeddings.position_embeddings.weight'],
  ...layerNames('norm', 'embeddings.LayerNorm'),
  ...within('layers.{i}.', 'transformer.layer.{i}.', [
    ...layerNames('attention.query', 'attention.q_lin'),
    ...layerNames('attention.key', 'attention.k_lin'),
    ...layerNames('attention.value', 'attention.v_lin'),
    ...layerNames('attention.output', 'attention.out_lin'),
    ...layerNames('norm1', 'sa_layer_norm'),
    ...layerNames('mlp.hidden', 'ffn.lin1'),
    ...layerNames('mlp.output', 'ffn.lin2'),
    ...layerNames('norm2', 'output_layer_norm'),
  ]),
];

const ENCODER = within('encoder.', 'distilbert.', ENCODER_NAMES);
const CLASSIFIER = [
  ...ENCODER,
  ...layerNames('pooler.dense', 'pre_classifier'),
  ...layerNames('head', 'classifier'),
] as const;

const shared = {
  modelType: 'distilbert',
  basePrefix: 'distilbert.',
  isBase: false,
  oldEndings: OLD_ENDINGS,
  // What files of older releases have beside the weights: counted positions, and the tied weight once more.
  ignored: [/(^|\.)embeddings\.position_ids$/, /^vocab_projector\.weight$/],
  vocabulary: ['encoder.tokens.weight'],
  parseConfig: distilBertConfigFromHuggingFace,
  serializeConfig: distilBertConfigToHuggingFace,
} as const;

/** `DistilBertModel` folders. */
export const DISTILBERT_MODEL: PretrainedFormat<DistilBertConfig> = {
  ...shared,
  architecture: 'DistilBertModel',
  isBase: true,
  names: within('encoder.', '', ENCODER_NAMES),
};

/** `DistilBertForMaskedLM` folders. */
export const DISTILBERT_MASKED_LANGUAGE_MODEL: PretrainedFormat<DistilBertConfig> = {
  ...shared,
  architecture: 'DistilBertForMaskedLM',
  names: [
    ...ENCODER,
    ...layerNames('head.dense', 'vocab_transform'),
    ...layerNames('head.norm', 'vocab_layer_norm'),
    ['head.projection.weight', 'vocab_projector.weight'],
    ['head.bias', 'vocab_projector.bias'],
  ],
  vocabulary: ['encoder.tokens.weight', 'head.projection.weight', 'head.bias'],
};

/** `DistilBertForSequenceClassification` folders. */
export const DISTILBERT_SEQUENCE_CLASSIFIER: PretrainedFormat<DistilBertConfig> = {
  ...shared,
  architecture: 'DistilBertForSequenceClassification',
  names: CLASSIFIER,
};

/** `DistilBertForMultipleChoice` folders. */
export const DISTILBERT_MULTIPLE_CHOICE: PretrainedFormat<DistilBertConfig> = {
  ...shared,
  architecture: 'DistilBertForMultipleChoice',
  names: CLASSIFIER,
};

/** `DistilBertForTokenClassification` folders. */
export const DISTILBERT_TOKEN_CLASSIFIER: PretrainedFormat<DistilBertConfig> = {
  ...shared,
  architecture: 'DistilBertForTokenClassification',
  names: [...ENCODER, ...layerNames('head', 'classifier')],
};

/** `DistilBertForQuestionAnswering` folders. */
export const DISTILBERT_QUESTION_ANSWERER: PretrainedFormat<DistilBertConfig> = {
  ...shared,
  architecture: 'DistilBertForQuestionAnswering',
  names: [...ENCODER, ...layerNames('head', 'qa_outputs')],
};

/** A `distilbert` config.json as ours. @throws {@link ConfigError} naming what no DistilBERT can be built from. */
export function distilBertConfigFromHuggingFace(json: JsonObject): DistilBertConfig {
  const {
    vocab_size: vocabSize = 30522,
    max_position_embeddings: contextLength = 512,
    sinusoidal_pos_embds: sinusoidalPositions = false,
    n_layers: numLayers = json['num_hidden_layers'] ?? 6,
    n_heads: numHeads = json['num_attention_heads'] ?? 12,
    dim = json['hidden_size'] ?? 768,
    hidden_dim: hiddenDim = 3072,
    activation = 'gelu',
    dropout = 0.1,
    attention_dropout: attentionDropout = 0.1,
    seq_classif_dropout: classifierDropout = 0.2,
    qa_dropout: answerDropout = 0.1,
    initializer_range: initStd = 0.02,
    tie_word_embeddings: tieEmbeddings = true,
    problem_type: problemType = null,
    pad_token_id: padTokenId = 0,
    bos_token_id: bosTokenId = null,
    eos_token_id: eosTokenId = null,
  } = json;
  // distilBertConfig checks types and ranges: what is wrong in the file is refused there.
  return distilBertConfig({
    vocabSize,
    contextLength,
    dim,
    hiddenDim,
    numHeads,
    numLayers,
    activation: activationFromHuggingFace(String(activation), 'activation'),
    dropout,
    attentionDropout,
    classifierDropout,
    answerDropout,
    sinusoidalPositions,
    initStd,
    tieEmbeddings,
    labels: labelsFromHuggingFace(json),
    problemType: problemType ?? undefined,
    padTokenId: padTokenId ?? undefined,
    bosTokenId: bosTokenId ?? undefined,
    eosTokenId: (Array.isArray(eosTokenId) ? eosTokenId[0] : eosTokenId) ?? undefined,
  } as DistilBertConfig);
}

function distilBertConfigToHuggingFace(config: DistilBertConfig): JsonObject {
  return {
    vocab_size: config.vocabSize,
    max_position_embeddings: config.contextLength,
    sinusoidal_pos_embds: config.sinusoidalPositions,
    n_layers: config.numLayers,
    n_heads: config.numHeads,
    dim: config.dim,
    hidden_dim: config.hiddenDim,
    activation: activationToHuggingFace(config.activation),
    dropout: config.dropout,
    attention_dropout: config.attentionDropout,
    seq_classif_dropout: config.classifierDropout,
    qa_dropout: config.answerDropout,
    initializer_range: config.initStd,
    tie_word_embeddings: config.tieEmbeddings,
    pad_token_id: config.padTokenId ?? null,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: config.eosTokenId ?? null,
    ...labelsToHuggingFace(config.labels),
    ...(config.problemType && { problem_type: config.problemType }),
  };
}
