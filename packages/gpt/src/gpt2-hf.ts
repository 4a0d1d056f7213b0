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

import { tokenIdsFromHuggingFace, tokenIdsToHuggingFace } from './hf-token-ids.ts';
import { type GPTConfig, gptConfig } from './gpt2-config.ts';

/** GPT-2's tensors. Its Conv1D layers store weights as [inDim, outDim]. */
const BASE_NAMES: readonly NameRow[] = [
  ['tokens.weight', 'wte.weight'],
  ['positions.weight', 'wpe.weight'],
  ['layers.{i}.norm1.weight', 'h.{i}.ln_1.weight'],
  ['layers.{i}.norm1.bias', 'h.{i}.ln_1.bias'],
  ['layers.{i}.attention.queryKeyValue.weight', 'h.{i}.attn.c_attn.weight', 'transpose'],
  ['layers.{i}.attention.queryKeyValue.bias', 'h.{i}.attn.c_attn.bias'],
  ['layers.{i}.attention.output.weight', 'h.{i}.attn.c_proj.weight', 'transpose'],
  ['layers.{i}.attention.output.bias', 'h.{i}.attn.c_proj.bias'],
  ['layers.{i}.norm2.weight', 'h.{i}.ln_2.weight'],
  ['layers.{i}.norm2.bias', 'h.{i}.ln_2.bias'],
  ['layers.{i}.mlp.hidden.weight', 'h.{i}.mlp.c_fc.weight', 'transpose'],
  ['layers.{i}.mlp.hidden.bias', 'h.{i}.mlp.c_fc.bias'],
  ['layers.{i}.mlp.output.weight', 'h.{i}.mlp.c_proj.weight', 'transpose'],
  ['layers.{i}.mlp.output.bias', 'h.{i}.mlp.c_proj.bias'],
  ['norm.weight', 'ln_f.weight'],
  ['norm.bias', 'ln_f.bias'],
];

const DECODER_NAMES: readonly NameRow[] = BASE_NAMES.map(([ours, theirs, ...layout]) => [
  `decoder.${ours}`,
  `transformer.${theirs}`,
  ...layout,
]);

const shared = {
  modelType: 'gpt2',
  basePrefix: 'transformer.',
  // The causal mask as a table, in checkpoints of old releases.
  ignored: [/(^|\.)h\.\d+\.attn\.(masked_)?bias$/, /^lm_head\.weight$/],
  parseConfig: gptConfigFromHuggingFace,
  serializeConfig,
} as const;

/** `GPT2Model` folders. */
export const GPT2_MODEL: PretrainedFormat<GPTConfig> = {
  ...shared,
  architecture: 'GPT2Model',
  isBase: true,
  names: BASE_NAMES,
  vocabulary: ['tokens.weight'],
};

/** `GPT2LMHeadModel` folders. */
export const GPT2_LANGUAGE_MODEL: PretrainedFormat<GPTConfig> = {
  ...shared,
  architecture: 'GPT2LMHeadModel',
  isBase: false,
  generates: true,
  names: [...DECODER_NAMES, ['head.weight', 'lm_head.weight']],
  vocabulary: ['decoder.tokens.weight', 'head.weight'],
};

/** `GPT2ForSequenceClassification` folders. */
export const GPT2_SEQUENCE_CLASSIFIER: PretrainedFormat<GPTConfig> = {
  ...shared,
  architecture: 'GPT2ForSequenceClassification',
  isBase: false,
  names: [...DECODER_NAMES, ['head.weight', 'score.weight']],
  vocabulary: ['decoder.tokens.weight'],
};

/** A `gpt2` config.json as ours. @throws {@link ConfigError} naming what no GPT can be built from. */
export function gptConfigFromHuggingFace(json: JsonObject): GPTConfig {
  const {
    vocab_size: vocabSize = 50257,
    n_positions: contextLength = 1024,
    n_embd: dim = 768,
    n_head: numHeads = 12,
    n_layer: numLayers = 12,
    n_inner: hiddenDim = null,
    activation_function: activation = 'gelu_new',
    embd_pdrop: embeddingDropout = 0.1,
    attn_pdrop: attentionDropout = 0.1,
    resid_pdrop: residualDropout = 0.1,
    layer_norm_epsilon: normEpsilon = 1e-5,
    initializer_range: initStd = 0.02,
    tie_word_embeddings: tieEmbeddings = true,
    scale_attn_weights: scaleAttention = true,
    scale_attn_by_inverse_layer_idx: scaleAttentionByLayer = false,
    add_cross_attention: crossAttention = false,
    problem_type: problemType = null,
  } = json;
  if (crossAttention !== false)
    throw new ConfigError('config.json: add_cross_attention must be false, a GPT has no cross-attention');
  // gptConfig checks types and ranges: what is wrong in the file is refused there.
  return gptConfig({
    vocabSize,
    contextLength,
    dim,
    numHeads,
    numLayers,
    ...(hiddenDim !== null && { hiddenDim }),
    activation: activationFromHuggingFace(String(activation), 'activation_function'),
    embeddingDropout,
    attentionDropout,
    residualDropout,
    normEpsilon,
    initStd,
    tieEmbeddings,
    scaleAttention,
    scaleAttentionByLayer,
    labels: labelsFromHuggingFace(json),
    ...(problemType !== null && { problemType }),
    ...tokenIdsFromHuggingFace(json),
  } as GPTConfig);
}

function serializeConfig(config: GPTConfig): JsonObject {
  const { vocabSize, contextLength, dim, hiddenDim, numHeads, numLayers } = config;
  return {
    vocab_size: vocabSize,
    n_positions: contextLength,
    n_embd: dim,
    n_head: numHeads,
    n_layer: numLayers,
    n_inner: hiddenDim === 4 * dim ? null : hiddenDim,
    activation_function: activationToHuggingFace(config.activation),
    embd_pdrop: config.embeddingDropout,
    attn_pdrop: config.attentionDropout,
    resid_pdrop: config.residualDropout,
    layer_norm_epsilon: config.normEpsilon,
    initializer_range: config.initStd,
    tie_word_embeddings: config.tieEmbeddings,
    scale_attn_weights: config.scaleAttention,
    scale_attn_by_inverse_layer_idx: config.scaleAttentionByLayer,
    ...tokenIdsToHuggingFace(config),
    ...labelsToHuggingFace(config.labels),
    ...(config.problemType && { problem_type: config.problemType }),
  };
}
