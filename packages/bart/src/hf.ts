import type { JsonObject } from '@formers/checkpoints';
import {
  activationFromHuggingFace,
  activationToHuggingFace,
  labelsFromHuggingFace,
  type NameRow,
  type PretrainedFormat,
} from '@formers/nn';

import { type BARTConfig, bartConfig } from './config.ts';

const DECODER_NAMES: readonly NameRow[] = [
  ['decoder.positions.weight', 'decoder.embed_positions.weight'],
  ...pairOf('decoder.norm', 'decoder.layernorm_embedding'),
  ...attentionNames('decoder.layers.{i}.selfAttention', 'decoder.layers.{i}.self_attn'),
  ...pairOf('decoder.layers.{i}.norm1', 'decoder.layers.{i}.self_attn_layer_norm'),
  ...attentionNames('decoder.layers.{i}.crossAttention', 'decoder.layers.{i}.encoder_attn'),
  ...pairOf('decoder.layers.{i}.norm2', 'decoder.layers.{i}.encoder_attn_layer_norm'),
  ...pairOf('decoder.layers.{i}.mlp.hidden', 'decoder.layers.{i}.fc1'),
  ...pairOf('decoder.layers.{i}.mlp.output', 'decoder.layers.{i}.fc2'),
  ...pairOf('decoder.layers.{i}.norm3', 'decoder.layers.{i}.final_layer_norm'),
];

const BASE_NAMES: readonly NameRow[] = [
  ['tokens.weight', 'shared.weight'],
  ['sourceTokens.weight', 'encoder.embed_tokens.weight'],
  ['targetTokens.weight', 'decoder.embed_tokens.weight'],
  ['encoder.positions.weight', 'encoder.embed_positions.weight'],
  ...pairOf('encoder.norm', 'encoder.layernorm_embedding'),
  ...attentionNames('encoder.layers.{i}.attention', 'encoder.layers.{i}.self_attn'),
  ...pairOf('encoder.layers.{i}.norm1', 'encoder.layers.{i}.self_attn_layer_norm'),
  ...pairOf('encoder.layers.{i}.mlp.hidden', 'encoder.layers.{i}.fc1'),
  ...pairOf('encoder.layers.{i}.mlp.output', 'encoder.layers.{i}.fc2'),
  ...pairOf('encoder.layers.{i}.norm2', 'encoder.layers.{i}.final_layer_norm'),
  ...DECODER_NAMES,
];

/** A weight and its bias. */
function pairOf(ours: string, theirs: string): NameRow[] {
  return [
    [`${ours}.weight`, `${theirs}.weight`],
    [`${ours}.bias`, `${theirs}.bias`],
  ];
}

function attentionNames(ours: string, theirs: string): NameRow[] {
  return [
    ...pairOf(`${ours}.query`, `${theirs}.q_proj`),
    ...pairOf(`${ours}.key`, `${theirs}.k_proj`),
    ...pairOf(`${ours}.value`, `${theirs}.v_proj`),
    ...pairOf(`${ours}.output`, `${theirs}.out_proj`),
  ];
}

const MODEL_NAMES: readonly NameRow[] = BASE_NAMES.map(([ours, theirs]) => [`model.${ours}`, `model.${theirs}`]);

const shared = {
  modelType: 'bart',
  basePrefix: 'model.',
  // Copies of shared.weight, and the version numbers of the first checkpoints.
  ignored: [/(^|\.)(encoder|decoder)\.(embed_tokens\.weight|version)$/, /^lm_head\.weight$/],
  parseConfig: bartConfigFromHuggingFace,
  serializeConfig,
} as const;

const TABLES = ['tokens.weight', 'sourceTokens.weight', 'targetTokens.weight'];
const VOCABULARY = [...TABLES, ...TABLES.map((path) => `model.${path}`)];

/** `BartModel` folders. */
export const BART_MODEL: PretrainedFormat<BARTConfig> = {
  ...shared,
  architecture: 'BartModel',
  isBase: true,
  names: BASE_NAMES,
  vocabulary: VOCABULARY,
};

/** `BartForConditionalGeneration` folders. */
export const BART_CONDITIONAL_GENERATION: PretrainedFormat<BARTConfig> = {
  ...shared,
  architecture: 'BartForConditionalGeneration',
  isBase: false,
  generates: true,
  names: [...MODEL_NAMES, ['head.weight', 'lm_head.weight'], ['logitsBias', 'final_logits_bias']],
  vocabulary: [...VOCABULARY, 'head.weight', 'logitsBias'],
};

/** `BartForSequenceClassification` folders. */
export const BART_SEQUENCE_CLASSIFIER: PretrainedFormat<BARTConfig> = {
  ...shared,
  architecture: 'BartForSequenceClassification',
  isBase: false,
  names: [
    ...MODEL_NAMES,
    ...pairOf('dense', 'classification_head.dense'),
    ...pairOf('head', 'classification_head.out_proj'),
  ],
  vocabulary: VOCABULARY,
};

/** The same where config.json names no classes: Transformers leaves out two nameless ones when it saves, and takes their absence for three when it loads. */
export const BART_CLASSIFIER_OF_TWO: PretrainedFormat<BARTConfig> = {
  ...BART_SEQUENCE_CLASSIFIER,
  parseConfig: (json) => bartConfigFromHuggingFace({ num_labels: 2, ...json }),
};

/** `BartForQuestionAnswering` folders. */
export const BART_QUESTION_ANSWERING: PretrainedFormat<BARTConfig> = {
  ...shared,
  architecture: 'BartForQuestionAnswering',
  isBase: false,
  names: [...MODEL_NAMES, ...pairOf('head', 'qa_outputs')],
  vocabulary: VOCABULARY,
};

/** `BartForCausalLM` folders: a decoder alone. */
export const BART_CAUSAL_LANGUAGE_MODEL: PretrainedFormat<BARTConfig> = {
  ...shared,
  architecture: 'BartForCausalLM',
  isBase: false,
  generates: true,
  ignored: [...shared.ignored, /(^|\.)encoder\./, /(^|\.)shared\.weight$/],
  names: [
    ['tokens.weight', 'model.decoder.embed_tokens.weight'],
    ...DECODER_NAMES.map(([ours, theirs]): NameRow => [ours, `model.${theirs}`]),
    ['head.weight', 'lm_head.weight'],
  ],
  vocabulary: ['tokens.weight', 'head.weight'],
};

/** A `bart` config.json as ours. @throws {@link ConfigError} naming what no BART can be built from. */
export function bartConfigFromHuggingFace(json: JsonObject): BARTConfig {
  const {
    vocab_size: vocabSize = 50265,
    max_position_embeddings: contextLength = 1024,
    d_model: dim = 1024,
    encoder_layers: numLayers = 12,
    encoder_attention_heads: numHeads = 16,
    encoder_ffn_dim: hiddenDim = 4096,
    decoder_layers: numDecoderLayers = 12,
    decoder_attention_heads: numDecoderHeads = 16,
    decoder_ffn_dim: decoderHiddenDim = 4096,
    activation_function: activation = 'gelu',
    dropout = 0.1,
    attention_dropout: attentionDropout = 0,
    activation_dropout: activationDropout = 0,
    classifier_dropout: classifierDropout = 0,
    init_std: initStd = 0.02,
    scale_embedding: scaleEmbeddings = false,
    tie_word_embeddings: tieEmbeddings = true,
    problem_type: problemType = null,
    bos_token_id: bosTokenId = 0,
    pad_token_id: padTokenId = 1,
    eos_token_id: eosTokenId = 2,
    decoder_start_token_id: decoderStartTokenId = 2,
  } = json;
  // bartConfig checks types and ranges: what is wrong in the file is refused there.
  return bartConfig({
    vocabSize,
    contextLength,
    dim,
    numLayers,
    numHeads,
    hiddenDim,
    numDecoderLayers,
    numDecoderHeads,
    decoderHiddenDim,
    activation: activationFromHuggingFace(String(activation), 'activation_function'),
    dropout,
    attentionDropout,
    activationDropout,
    classifierDropout,
    initStd,
    scaleEmbeddings,
    tieEmbeddings,
    labels: labelsFromHuggingFace({ num_labels: 3, ...json }),
    ...(problemType !== null && { problemType }),
    bosTokenId,
    padTokenId,
    eosTokenId: Array.isArray(eosTokenId) ? eosTokenId[0] : eosTokenId, // generation reads them all from generation_config.json
    decoderStartTokenId,
  } as BARTConfig);
}

function serializeConfig(config: BARTConfig): JsonObject {
  return {
    vocab_size: config.vocabSize,
    max_position_embeddings: config.contextLength,
    d_model: config.dim,
    encoder_layers: config.numLayers,
    encoder_attention_heads: config.numHeads,
    encoder_ffn_dim: config.hiddenDim,
    decoder_layers: config.numDecoderLayers,
    decoder_attention_heads: config.numDecoderHeads,
    decoder_ffn_dim: config.decoderHiddenDim,
    activation_function: activationToHuggingFace(config.activation),
    dropout: config.dropout,
    attention_dropout: config.attentionDropout,
    activation_dropout: config.activationDropout,
    classifier_dropout: config.classifierDropout,
    init_std: config.initStd,
    scale_embedding: config.scaleEmbeddings,
    tie_word_embeddings: config.tieEmbeddings,
    is_encoder_decoder: true,
    // Written always: the library's default is three classes, where other architectures have two.
    id2label: Object.fromEntries(config.labels.map((label, i) => [i, label])),
    label2id: Object.fromEntries(config.labels.map((label, i) => [label, i])),
    ...(config.problemType && { problem_type: config.problemType }),
    bos_token_id: config.bosTokenId,
    pad_token_id: config.padTokenId,
    eos_token_id: config.eosTokenId,
    decoder_start_token_id: config.decoderStartTokenId,
    forced_eos_token_id: config.eosTokenId,
  };
}
