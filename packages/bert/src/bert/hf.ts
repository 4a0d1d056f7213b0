import { ConfigError } from '@formers/backend';
import type { JsonObject } from '@formers/checkpoints';
import {
  activationFromHuggingFace,
  activationToHuggingFace,
  labelsFromHuggingFace,
  labelsToHuggingFace,
  type NameRow,
  type PretrainedFormat,
} from '@formers/nn';

import { type BertConfig, bertConfig } from './config.ts';

/** The tensors of an encoder layer; RoBERTa's have the same names. */
export const LAYER_NAMES: readonly NameRow[] = [
  ['layers.{i}.attention.query.weight', 'encoder.layer.{i}.attention.self.query.weight'],
  ['layers.{i}.attention.query.bias', 'encoder.layer.{i}.attention.self.query.bias'],
  ['layers.{i}.attention.key.weight', 'encoder.layer.{i}.attention.self.key.weight'],
  ['layers.{i}.attention.key.bias', 'encoder.layer.{i}.attention.self.key.bias'],
  ['layers.{i}.attention.value.weight', 'encoder.layer.{i}.attention.self.value.weight'],
  ['layers.{i}.attention.value.bias', 'encoder.layer.{i}.attention.self.value.bias'],
  ['layers.{i}.attention.output.weight', 'encoder.layer.{i}.attention.output.dense.weight'],
  ['layers.{i}.attention.output.bias', 'encoder.layer.{i}.attention.output.dense.bias'],
  ['layers.{i}.norm1.weight', 'encoder.layer.{i}.attention.output.LayerNorm.weight'],
  ['layers.{i}.norm1.bias', 'encoder.layer.{i}.attention.output.LayerNorm.bias'],
  ['layers.{i}.mlp.hidden.weight', 'encoder.layer.{i}.intermediate.dense.weight'],
  ['layers.{i}.mlp.hidden.bias', 'encoder.layer.{i}.intermediate.dense.bias'],
  ['layers.{i}.mlp.output.weight', 'encoder.layer.{i}.output.dense.weight'],
  ['layers.{i}.mlp.output.bias', 'encoder.layer.{i}.output.dense.bias'],
  ['layers.{i}.norm2.weight', 'encoder.layer.{i}.output.LayerNorm.weight'],
  ['layers.{i}.norm2.bias', 'encoder.layer.{i}.output.LayerNorm.bias'],
];

/** The tensors of the whole encoder. */
export const ENCODER_NAMES: readonly NameRow[] = [
  ['tokens.weight', 'embeddings.word_embeddings.weight'],
  ['positions.weight', 'embeddings.position_embeddings.weight'],
  ['tokenTypes.weight', 'embeddings.token_type_embeddings.weight'],
  ['norm.weight', 'embeddings.LayerNorm.weight'],
  ['norm.bias', 'embeddings.LayerNorm.bias'],
  ...LAYER_NAMES,
];

/** The rows of a part of a model, below its field here and its prefix there. */
export function within(ours: string, theirs: string, rows: readonly NameRow[]): NameRow[] {
  return rows.map(([our, their, ...layout]) => [ours + our, theirs + their, ...layout]);
}

/** A layer's weight and bias, under its field here and its name there. */
export function layerNames(ours: string, theirs: string): NameRow[] {
  return within(`${ours}.`, `${theirs}.`, [
    ['weight', 'weight'],
    ['bias', 'bias'],
  ]);
}

const ENCODER = within('encoder.', 'bert.', ENCODER_NAMES);
const POOLER = layerNames('pooler.dense', 'bert.pooler.dense');
const WORDS: readonly NameRow[] = [
  ...layerNames('head.dense', 'cls.predictions.transform.dense'),
  ...layerNames('head.norm', 'cls.predictions.transform.LayerNorm'),
  ...layerNames('head.projection', 'cls.predictions.decoder'),
  ['head.bias', 'cls.predictions.bias'],
];

/** The parameters with a row for each token, of models whose masked language head is under `head`. */
export const VOCABULARY = [
  'encoder.tokens.weight',
  'head.projection.weight',
  'head.projection.bias',
  'head.bias',
] as const;

/** How norms were called in checkpoints converted from TensorFlow. */
export const OLD_ENDINGS = [
  ['LayerNorm.weight', 'LayerNorm.gamma'],
  ['LayerNorm.bias', 'LayerNorm.beta'],
] as const;

const shared = {
  modelType: 'bert',
  basePrefix: 'bert.',
  isBase: false,
  oldEndings: OLD_ENDINGS,
  vocabulary: ['encoder.tokens.weight'],
  parseConfig: bertConfigFromHuggingFace,
  serializeConfig: bertConfigToHuggingFace,
} as const;

// What files of older releases have beside the weights: counted positions, and tied weights once more.
const POSITION_IDS = /(^|\.)embeddings\.position_ids$/;
const TIED = /^cls\.predictions\.decoder\.(weight|bias)$/;
const POOLER_PATTERN = /^(bert\.)?pooler\.dense\.(weight|bias)$/;
const withPooler = { ...shared, ignored: [POSITION_IDS, TIED], optional: [POOLER_PATTERN] } as const;
const withoutPooler = { ...shared, ignored: [POSITION_IDS, TIED, POOLER_PATTERN] } as const;

/** `BertModel` folders. */
export const BERT_MODEL: PretrainedFormat<BertConfig> = {
  ...withPooler,
  ignored: [POSITION_IDS, POOLER_PATTERN], // a model may be made without a pooler
  architecture: 'BertModel',
  isBase: true,
  names: [...within('encoder.', '', ENCODER_NAMES), ...layerNames('pooler.dense', 'pooler.dense')],
};

/** `BertForPreTraining` folders. */
export const BERT_PRE_TRAINING: PretrainedFormat<BertConfig> = {
  ...withPooler,
  architecture: 'BertForPreTraining',
  names: [...ENCODER, ...POOLER, ...WORDS, ...layerNames('nextSentence', 'cls.seq_relationship')],
  vocabulary: VOCABULARY,
};

/** `BertForMaskedLM` folders. */
export const BERT_MASKED_LANGUAGE_MODEL: PretrainedFormat<BertConfig> = {
  ...withoutPooler,
  architecture: 'BertForMaskedLM',
  names: [...ENCODER, ...WORDS],
  vocabulary: VOCABULARY,
};

/** `BertForNextSentencePrediction` folders. */
export const BERT_NEXT_SENTENCE: PretrainedFormat<BertConfig> = {
  ...withPooler,
  architecture: 'BertForNextSentencePrediction',
  names: [...ENCODER, ...POOLER, ...layerNames('head', 'cls.seq_relationship')],
};

/** `BertForSequenceClassification` folders. */
export const BERT_SEQUENCE_CLASSIFIER: PretrainedFormat<BertConfig> = {
  ...withPooler,
  architecture: 'BertForSequenceClassification',
  names: [...ENCODER, ...POOLER, ...layerNames('head', 'classifier')],
};

/** `BertForMultipleChoice` folders. */
export const BERT_MULTIPLE_CHOICE: PretrainedFormat<BertConfig> = {
  ...BERT_SEQUENCE_CLASSIFIER,
  architecture: 'BertForMultipleChoice',
};

/** `BertForTokenClassification` folders. */
export const BERT_TOKEN_CLASSIFIER: PretrainedFormat<BertConfig> = {
  ...withoutPooler,
  architecture: 'BertForTokenClassification',
  names: [...ENCODER, ...layerNames('head', 'classifier')],
};

/** `BertForQuestionAnswering` folders. */
export const BERT_QUESTION_ANSWERER: PretrainedFormat<BertConfig> = {
  ...withoutPooler,
  architecture: 'BertForQuestionAnswering',
  names: [...ENCODER, ...layerNames('head', 'qa_outputs')],
};

/** A `bert` config.json as ours. @throws {@link ConfigError} naming what no BERT can be built from. */
export function bertConfigFromHuggingFace(json: JsonObject): BertConfig {
  // bertConfig checks types and ranges: what is wrong in the file is refused there.
  return bertConfig(bertOptionsFromHuggingFace({ vocab_size: 30522, pad_token_id: 0, ...json }) as BertConfig);
}

/** The keys that configs of `bert` and `roberta` share, unchecked; defaults are those of Hugging Face. */
export function bertOptionsFromHuggingFace(json: JsonObject): object {
  const {
    vocab_size: vocabSize,
    max_position_embeddings: contextLength = 512,
    type_vocab_size: numTokenTypes = 2,
    hidden_size: dim = 768,
    intermediate_size: hiddenDim = 3072,
    num_attention_heads: numHeads = 12,
    num_hidden_layers: numLayers = 12,
    hidden_act: activation = 'gelu',
    hidden_dropout_prob: dropout = 0.1,
    attention_probs_dropout_prob: attentionDropout = 0.1,
    classifier_dropout: classifierDropout = null,
    layer_norm_eps: normEpsilon = 1e-12,
    initializer_range: initStd = 0.02,
    tie_word_embeddings: tieEmbeddings = true,
    problem_type: problemType = null,
    pad_token_id: padTokenId = null,
    bos_token_id: bosTokenId = null,
    eos_token_id: eosTokenId = null,
  } = json;
  refuseOtherModels(json);
  return {
    vocabSize,
    contextLength,
    numTokenTypes,
    dim,
    hiddenDim,
    numHeads,
    numLayers,
    activation: activationFromHuggingFace(String(activation), 'hidden_act'),
    dropout,
    attentionDropout,
    classifierDropout: classifierDropout ?? undefined,
    normEpsilon,
    initStd,
    tieEmbeddings,
    labels: labelsFromHuggingFace(json),
    problemType: problemType ?? undefined,
    padTokenId: padTokenId ?? undefined,
    bosTokenId: bosTokenId ?? undefined,
    eosTokenId: (Array.isArray(eosTokenId) ? eosTokenId[0] : eosTokenId) ?? undefined,
  };
}

/** The same files may describe decoders, and relative positions of an older release: those are other models. */
function refuseOtherModels({
  is_decoder: isDecoder = false,
  add_cross_attention: crossAttention = false,
  position_embedding_type: positions = 'absolute',
}: JsonObject): void {
  if (isDecoder !== false || crossAttention !== false)
    throw new ConfigError(
      'config.json: is_decoder and add_cross_attention must be false: encoders are supported here, no decoders',
    );
  if (positions !== 'absolute')
    throw new ConfigError(`config.json: position_embedding_type must be "absolute", got ${JSON.stringify(positions)}`);
}

/** A config of ours as Hugging Face spells it, for `bert` and `roberta`. */
export function bertConfigToHuggingFace(config: BertConfig): JsonObject {
  return {
    vocab_size: config.vocabSize,
    max_position_embeddings: config.contextLength,
    type_vocab_size: config.numTokenTypes,
    hidden_size: config.dim,
    intermediate_size: config.hiddenDim,
    num_attention_heads: config.numHeads,
    num_hidden_layers: config.numLayers,
    hidden_act: activationToHuggingFace(config.activation),
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attentionDropout,
    classifier_dropout: config.classifierDropout ?? null,
    layer_norm_eps: config.normEpsilon,
    initializer_range: config.initStd,
    tie_word_embeddings: config.tieEmbeddings,
    pad_token_id: config.padTokenId ?? null,
    bos_token_id: config.bosTokenId ?? null,
    eos_token_id: config.eosTokenId ?? null,
    ...labelsToHuggingFace(config.labels),
    ...(config.problemType && { problem_type: config.problemType }),
  };
}
