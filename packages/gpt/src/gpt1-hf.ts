import { ConfigError } from '@formers/backend';
import type { JsonObject } from '@formers/checkpoints';
import { labelsFromHuggingFace, labelsToHuggingFace, type NameRow, type PretrainedFormat } from '@formers/nn';

import { type GPT1Config, gpt1Config } from './gpt1-config.ts';
import { tokenIdsFromHuggingFace, tokenIdsToHuggingFace } from './hf-token-ids.ts';

/** GPT-1's tensors. Its Conv1D layers store weights as [inDim, outDim]. */
const BASE_NAMES: readonly NameRow[] = [
  ['tokens.weight', 'tokens_embed.weight'],
  ['positions.weight', 'positions_embed.weight'],
  ['layers.{i}.attention.queryKeyValue.weight', 'h.{i}.attn.c_attn.weight', 'transpose'],
  ['layers.{i}.attention.queryKeyValue.bias', 'h.{i}.attn.c_attn.bias'],
  ['layers.{i}.attention.output.weight', 'h.{i}.attn.c_proj.weight', 'transpose'],
  ['layers.{i}.attention.output.bias', 'h.{i}.attn.c_proj.bias'],
  ['layers.{i}.norm1.weight', 'h.{i}.ln_1.weight'],
  ['layers.{i}.norm1.bias', 'h.{i}.ln_1.bias'],
  ['layers.{i}.mlp.hidden.weight', 'h.{i}.mlp.c_fc.weight', 'transpose'],
  ['layers.{i}.mlp.hidden.bias', 'h.{i}.mlp.c_fc.bias'],
  ['layers.{i}.mlp.output.weight', 'h.{i}.mlp.c_proj.weight', 'transpose'],
  ['layers.{i}.mlp.output.bias', 'h.{i}.mlp.c_proj.bias'],
  ['layers.{i}.norm2.weight', 'h.{i}.ln_2.weight'],
  ['layers.{i}.norm2.bias', 'h.{i}.ln_2.bias'],
];

const DECODER_NAMES: readonly NameRow[] = BASE_NAMES.map(([ours, theirs, ...layout]) => [
  `decoder.${ours}`,
  `transformer.${theirs}`,
  ...layout,
]);

/** GPT-1's own names: its `gelu` is the approximation by tanh. */
const ACTIVATIONS: ReadonlyMap<unknown, GPT1Config['activation']> = new Map([
  ['gelu', 'geluTanh'],
  ['relu', 'relu'],
  ['silu', 'silu'],
  ['swish', 'silu'],
]);

const shared = {
  modelType: 'openai-gpt',
  basePrefix: 'transformer.',
  // Constant tables in checkpoints of old releases: the causal mask, the positions.
  ignored: [/(^|\.)h\.\d+\.attn\.bias$/, /(^|\.)position_ids$/, /^lm_head\.weight$/],
  parseConfig: gpt1ConfigFromHuggingFace,
  serializeConfig,
} as const;

/** `OpenAIGPTModel` folders. */
export const GPT1_MODEL: PretrainedFormat<GPT1Config> = {
  ...shared,
  architecture: 'OpenAIGPTModel',
  isBase: true,
  names: BASE_NAMES,
  vocabulary: ['tokens.weight'],
};

/** `OpenAIGPTLMHeadModel` folders. */
export const GPT1_LANGUAGE_MODEL: PretrainedFormat<GPT1Config> = {
  ...shared,
  architecture: 'OpenAIGPTLMHeadModel',
  isBase: false,
  generates: true,
  names: [...DECODER_NAMES, ['head.weight', 'lm_head.weight']],
  vocabulary: ['decoder.tokens.weight', 'head.weight'],
};

/** `OpenAIGPTForSequenceClassification` folders. */
export const GPT1_SEQUENCE_CLASSIFIER: PretrainedFormat<GPT1Config> = {
  ...shared,
  architecture: 'OpenAIGPTForSequenceClassification',
  isBase: false,
  names: [...DECODER_NAMES, ['head.weight', 'score.weight']],
  vocabulary: ['decoder.tokens.weight'],
};

/** An `openai-gpt` config.json as ours. @throws {@link ConfigError} naming what no GPT-1 can be built from. */
export function gpt1ConfigFromHuggingFace(json: JsonObject): GPT1Config {
  const {
    vocab_size: vocabSize = 40478,
    n_positions: contextLength = 512,
    n_embd: dim = 768,
    n_head: numHeads = 12,
    n_layer: numLayers = 12,
    afn = 'gelu',
    embd_pdrop: embeddingDropout = 0.1,
    attn_pdrop: attentionDropout = 0.1,
    resid_pdrop: residualDropout = 0.1,
    layer_norm_epsilon: normEpsilon = 1e-5,
    initializer_range: initStd = 0.02,
    tie_word_embeddings: tieEmbeddings = true,
    problem_type: problemType = null,
  } = json;
  const activation = ACTIVATIONS.get(afn);
  if (!activation)
    throw new ConfigError(
      `config.json: afn must be one of ${[...ACTIVATIONS.keys()].join(', ')}, got ${JSON.stringify(afn)}`,
    );
  // gpt1Config checks types and ranges: what is wrong in the file is refused there.
  return gpt1Config({
    vocabSize,
    contextLength,
    dim,
    numHeads,
    numLayers,
    activation,
    embeddingDropout,
    attentionDropout,
    residualDropout,
    normEpsilon,
    initStd,
    tieEmbeddings,
    labels: labelsFromHuggingFace(json),
    ...(problemType !== null && { problemType }),
    ...tokenIdsFromHuggingFace(json),
  } as GPT1Config);
}

function serializeConfig(config: GPT1Config): JsonObject {
  return {
    vocab_size: config.vocabSize,
    n_positions: config.contextLength,
    n_embd: config.dim,
    n_head: config.numHeads,
    n_layer: config.numLayers,
    afn: config.activation === 'geluTanh' ? 'gelu' : config.activation,
    embd_pdrop: config.embeddingDropout,
    attn_pdrop: config.attentionDropout,
    resid_pdrop: config.residualDropout,
    layer_norm_epsilon: config.normEpsilon,
    initializer_range: config.initStd,
    tie_word_embeddings: config.tieEmbeddings,
    ...tokenIdsToHuggingFace(config),
    ...labelsToHuggingFace(config.labels),
    ...(config.problemType && { problem_type: config.problemType }),
  };
}
