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

import { type T5Config, t5Config } from './config.ts';

const ENCODER_NAMES: readonly NameRow[] = [
  ['tokens.weight', 'shared.weight'],
  ['encoder.positions.weight', 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'],
  ...attentionNames('encoder.layers.{i}.attention', 'encoder.block.{i}.layer.0.SelfAttention'),
  ['encoder.layers.{i}.norm1.weight', 'encoder.block.{i}.layer.0.layer_norm.weight'],
  ...feedForwardNames('encoder.layers.{i}.mlp', 'encoder.block.{i}.layer.1.DenseReluDense'),
  ['encoder.layers.{i}.norm2.weight', 'encoder.block.{i}.layer.1.layer_norm.weight'],
  ['encoder.norm.weight', 'encoder.final_layer_norm.weight'],
];

const BASE_NAMES: readonly NameRow[] = [
  ...ENCODER_NAMES,
  ['decoder.positions.weight', 'decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'],
  ...attentionNames('decoder.layers.{i}.selfAttention', 'decoder.block.{i}.layer.0.SelfAttention'),
  ['decoder.layers.{i}.norm1.weight', 'decoder.block.{i}.layer.0.layer_norm.weight'],
  ...attentionNames('decoder.layers.{i}.crossAttention', 'decoder.block.{i}.layer.1.EncDecAttention'),
  ['decoder.layers.{i}.norm2.weight', 'decoder.block.{i}.layer.1.layer_norm.weight'],
  ...feedForwardNames('decoder.layers.{i}.mlp', 'decoder.block.{i}.layer.2.DenseReluDense'),
  ['decoder.layers.{i}.norm3.weight', 'decoder.block.{i}.layer.2.layer_norm.weight'],
  ['decoder.norm.weight', 'decoder.final_layer_norm.weight'],
];

function attentionNames(ours: string, theirs: string): NameRow[] {
  return [
    [`${ours}.query.weight`, `${theirs}.q.weight`],
    [`${ours}.key.weight`, `${theirs}.k.weight`],
    [`${ours}.value.weight`, `${theirs}.v.weight`],
    [`${ours}.output.weight`, `${theirs}.o.weight`],
  ];
}

/** The plain network has `hidden`, the gated one `gate` and `content`. */
function feedForwardNames(ours: string, theirs: string): NameRow[] {
  return [
    [`${ours}.hidden.weight`, `${theirs}.wi.weight`],
    [`${ours}.gate.weight`, `${theirs}.wi_0.weight`],
    [`${ours}.content.weight`, `${theirs}.wi_1.weight`],
    [`${ours}.output.weight`, `${theirs}.wo.weight`],
  ];
}

/** The rows of a model that stands in the field `model` of another. */
function inModel(rows: readonly NameRow[], prefix = ''): NameRow[] {
  return rows.map(([ours, theirs]) => [`model.${ours}`, prefix + theirs]);
}

const shared = {
  modelType: 't5',
  basePrefix: 'transformer.',
  // Copies of shared.weight, and a bias that the first checkpoints have and no model reads.
  ignored: [
    /(^|\.)(encoder|decoder)\.embed_tokens\.weight$/,
    /(^|\.)decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/,
  ],
  optional: [/(^|\.)(lm_head|qa_outputs|classification_head|classifier)\./],
  parseConfig: t5ConfigFromHuggingFace,
  serializeConfig,
} as const;

const VOCABULARY = ['tokens.weight', 'model.tokens.weight', 'head.weight'];

/** `T5Model` folders. */
export const T5_MODEL: PretrainedFormat<T5Config> = {
  ...shared,
  architecture: 'T5Model',
  isBase: true,
  names: BASE_NAMES,
  vocabulary: VOCABULARY,
};

/** `T5EncoderModel` folders; also whole models, of which the decoder stays unused. */
export const T5_ENCODER: PretrainedFormat<T5Config> = {
  ...shared,
  architecture: 'T5EncoderModel',
  isBase: true,
  names: ENCODER_NAMES,
  optional: [...shared.optional, /(^|\.)decoder\./],
  vocabulary: VOCABULARY,
};

/** `T5ForConditionalGeneration` folders, whose tensors are named as those of the base model. */
export const T5_CONDITIONAL_GENERATION: PretrainedFormat<T5Config> = {
  ...shared,
  architecture: 'T5ForConditionalGeneration',
  isBase: true,
  generates: true,
  names: [...inModel(BASE_NAMES), ['head.weight', 'lm_head.weight']],
  vocabulary: VOCABULARY,
};

/** `T5ForSequenceClassification` folders. */
export const T5_SEQUENCE_CLASSIFIER: PretrainedFormat<T5Config> = {
  ...shared,
  architecture: 'T5ForSequenceClassification',
  isBase: false,
  names: [
    ...inModel(BASE_NAMES, 'transformer.'),
    ['dense.weight', 'classification_head.dense.weight'],
    ['dense.bias', 'classification_head.dense.bias'],
    ['head.weight', 'classification_head.out_proj.weight'],
    ['head.bias', 'classification_head.out_proj.bias'],
  ],
  vocabulary: ['model.tokens.weight'],
};

/** `T5ForTokenClassification` folders: an encoder alone. */
export const T5_TOKEN_CLASSIFIER: PretrainedFormat<T5Config> = {
  ...shared,
  architecture: 'T5ForTokenClassification',
  isBase: false,
  optional: T5_ENCODER.optional ?? [],
  names: [
    ...inModel(ENCODER_NAMES, 'transformer.'),
    ['head.weight', 'classifier.weight'],
    ['head.bias', 'classifier.bias'],
  ],
  vocabulary: ['model.tokens.weight'],
};

/** `T5ForQuestionAnswering` folders, whose tensors are named as those of the base model. */
export const T5_QUESTION_ANSWERING: PretrainedFormat<T5Config> = {
  ...shared,
  architecture: 'T5ForQuestionAnswering',
  isBase: true,
  names: [...inModel(BASE_NAMES), ['head.weight', 'qa_outputs.weight'], ['head.bias', 'qa_outputs.bias']],
  vocabulary: ['model.tokens.weight'],
};

/** A `t5` config.json as ours. @throws {@link ConfigError} naming what no T5 can be built from. */
export function t5ConfigFromHuggingFace(json: JsonObject): T5Config {
  const {
    vocab_size: vocabSize = 32128,
    d_model: dim = 512,
    d_kv: headDim = 64,
    d_ff: hiddenDim = 2048,
    num_layers: numLayers = 6,
    num_decoder_layers: numDecoderLayers = null,
    num_heads: numHeads = 8,
    relative_attention_num_buckets: numBuckets = 32,
    relative_attention_max_distance: maxDistance = 128,
    dropout_rate: dropout = 0.1,
    layer_norm_epsilon: normEpsilon = 1e-6,
    initializer_factor: initFactor = 1,
    // As published, a model whose head isn't tied doesn't scale, either; newer releases tell the two apart.
    scale_decoder_outputs: scaleOutputs = json['tie_word_embeddings'] !== false,
    classifier_dropout: classifierDropout = 0,
    problem_type: problemType = null,
    pad_token_id: padTokenId = 0,
    eos_token_id: eosTokenId = 1,
    decoder_start_token_id: decoderStartTokenId = padTokenId,
  } = json;
  // t5Config checks types and ranges: what is wrong in the file is refused there.
  return t5Config({
    vocabSize,
    dim,
    headDim,
    hiddenDim,
    numLayers,
    ...(numDecoderLayers !== null && { numDecoderLayers }),
    numHeads,
    numBuckets,
    maxDistance,
    ...feedForwardOf(json),
    dropout,
    normEpsilon,
    initFactor,
    tieEmbeddings: scaleOutputs,
    scaleOutputs,
    classifierDropout,
    labels: labelsFromHuggingFace(json),
    ...(problemType !== null && { problemType }),
    padTokenId,
    eosTokenId: Array.isArray(eosTokenId) ? eosTokenId[0] : eosTokenId, // generation reads them all from generation_config.json
    decoderStartTokenId,
  } as T5Config);
}

/** `relu`, `gated-gelu`, ...: the activation behind an optional `gated-`. */
function feedForwardOf({
  feed_forward_proj: text = 'relu',
  dense_act_fn: named,
  is_gated_act: gated,
}: JsonObject): Pick<T5Config, 'activation' | 'gated'> {
  const [first = '', second, ...rest] = String(text).split('-');
  if (rest.length > 0 || (second !== undefined && first !== 'gated'))
    throw new ConfigError(
      `config.json: feed_forward_proj must be the name of an activation, or gated- and one, got ${JSON.stringify(text)}`,
    );
  const activation = text === 'gated-gelu' ? 'gelu_new' : (second ?? first); // T5 v1.1 has the approximation
  return {
    activation:
      typeof named === 'string'
        ? activationFromHuggingFace(named, 'dense_act_fn')
        : activationFromHuggingFace(activation, 'feed_forward_proj'),
    gated: typeof gated === 'boolean' ? gated : first === 'gated',
  };
}

function serializeConfig(config: T5Config): JsonObject {
  const activation = activationToHuggingFace(config.activation);
  const gatedName = activation === 'gelu_new' ? 'gated-gelu' : `gated-${activation}`;
  return {
    vocab_size: config.vocabSize,
    d_model: config.dim,
    d_kv: config.headDim,
    d_ff: config.hiddenDim,
    num_layers: config.numLayers,
    num_decoder_layers: config.numDecoderLayers,
    num_heads: config.numHeads,
    relative_attention_num_buckets: config.numBuckets,
    relative_attention_max_distance: config.maxDistance,
    feed_forward_proj: config.gated ? gatedName : activation,
    dense_act_fn: activation,
    is_gated_act: config.gated,
    dropout_rate: config.dropout,
    layer_norm_epsilon: config.normEpsilon,
    initializer_factor: config.initFactor,
    // Older releases take the first of these for both; that the head is tied shows in the file by its absence.
    tie_word_embeddings: config.scaleOutputs,
    scale_decoder_outputs: config.scaleOutputs,
    is_encoder_decoder: true,
    classifier_dropout: config.classifierDropout,
    pad_token_id: config.padTokenId,
    eos_token_id: config.eosTokenId,
    decoder_start_token_id: config.decoderStartTokenId,
    ...labelsToHuggingFace(config.labels),
    ...(config.problemType && { problem_type: config.problemType }),
  };
}
