import { ConfigError } from '@formers/backend';
import type { JsonObject, JsonValue } from '@formers/checkpoints';
import {
  activationFromHuggingFace,
  activationToHuggingFace,
  labelsFromHuggingFace,
  labelsToHuggingFace,
  type NameRow,
  type PretrainedFormat,
} from '@formers/nn';

import { type GPTNeoConfig, gptNeoConfig } from './gpt-neo-config.ts';
import { tokenIdsFromHuggingFace, tokenIdsToHuggingFace } from './hf-token-ids.ts';

/** GPT-Neo's tensors. */
const BASE_NAMES: readonly NameRow[] = [
  ['tokens.weight', 'wte.weight'],
  ['positions.weight', 'wpe.weight'],
  ['layers.{i}.norm1.weight', 'h.{i}.ln_1.weight'],
  ['layers.{i}.norm1.bias', 'h.{i}.ln_1.bias'],
  ['layers.{i}.attention.query.weight', 'h.{i}.attn.attention.q_proj.weight'],
  ['layers.{i}.attention.key.weight', 'h.{i}.attn.attention.k_proj.weight'],
  ['layers.{i}.attention.value.weight', 'h.{i}.attn.attention.v_proj.weight'],
  ['layers.{i}.attention.output.weight', 'h.{i}.attn.attention.out_proj.weight'],
  ['layers.{i}.attention.output.bias', 'h.{i}.attn.attention.out_proj.bias'],
  ['layers.{i}.norm2.weight', 'h.{i}.ln_2.weight'],
  ['layers.{i}.norm2.bias', 'h.{i}.ln_2.bias'],
  ['layers.{i}.mlp.hidden.weight', 'h.{i}.mlp.c_fc.weight'],
  ['layers.{i}.mlp.hidden.bias', 'h.{i}.mlp.c_fc.bias'],
  ['layers.{i}.mlp.output.weight', 'h.{i}.mlp.c_proj.weight'],
  ['layers.{i}.mlp.output.bias', 'h.{i}.mlp.c_proj.bias'],
  ['norm.weight', 'ln_f.weight'],
  ['norm.bias', 'ln_f.bias'],
];

const DECODER_NAMES: readonly NameRow[] = BASE_NAMES.map(([ours, theirs]) => [
  `decoder.${ours}`,
  `transformer.${theirs}`,
]);

const shared = {
  modelType: 'gpt_neo',
  basePrefix: 'transformer.',
  // The causal mask as a table, in checkpoints of old releases.
  ignored: [/(^|\.)h\.\d+\.attn\.attention\.(masked_)?bias$/, /^lm_head\.weight$/],
  parseConfig: gptNeoConfigFromHuggingFace,
  serializeConfig,
} as const;

/** `GPTNeoModel` folders. */
export const GPT_NEO_MODEL: PretrainedFormat<GPTNeoConfig> = {
  ...shared,
  architecture: 'GPTNeoModel',
  isBase: true,
  names: BASE_NAMES,
  vocabulary: ['tokens.weight'],
};

/** `GPTNeoForCausalLM` folders. */
export const GPT_NEO_LANGUAGE_MODEL: PretrainedFormat<GPTNeoConfig> = {
  ...shared,
  architecture: 'GPTNeoForCausalLM',
  isBase: false,
  generates: true,
  names: [...DECODER_NAMES, ['head.weight', 'lm_head.weight']],
  vocabulary: ['decoder.tokens.weight', 'head.weight'],
};

/** `GPTNeoForSequenceClassification` folders. */
export const GPT_NEO_SEQUENCE_CLASSIFIER: PretrainedFormat<GPTNeoConfig> = {
  ...shared,
  architecture: 'GPTNeoForSequenceClassification',
  isBase: false,
  names: [...DECODER_NAMES, ['head.weight', 'score.weight']],
  vocabulary: ['decoder.tokens.weight'],
};

/** A `gpt_neo` config.json as ours. @throws {@link ConfigError} naming what no GPT-Neo can be built from. */
export function gptNeoConfigFromHuggingFace(json: JsonObject): GPTNeoConfig {
  const {
    vocab_size: vocabSize = 50257,
    max_position_embeddings: contextLength = 2048,
    hidden_size: dim = 2048,
    num_heads: numHeads = 16,
    num_layers: numLayers = 24,
    intermediate_size: hiddenDim = null,
    attention_types: attentionTypes = null,
    window_size: windowSize = 256,
    activation_function: activation = 'gelu_new',
    embed_dropout: embeddingDropout = 0,
    attention_dropout: attentionDropout = 0,
    resid_dropout: residualDropout = 0,
    layer_norm_epsilon: normEpsilon = 1e-5,
    initializer_range: initStd = 0.02,
    tie_word_embeddings: tieEmbeddings = true,
    bos_token_id: bos = 50256,
    eos_token_id: eos = 50256,
    pad_token_id: pad = null,
    problem_type: problemType = null,
  } = json;
  // gptNeoConfig checks types and ranges: what is wrong in the file is refused there.
  return gptNeoConfig({
    vocabSize,
    contextLength,
    dim,
    numHeads,
    numLayers,
    ...(hiddenDim !== null && { hiddenDim }),
    attentionLayers: expandAttentionTypes(attentionTypes ?? [[['global', 'local'], 12]]),
    windowSize,
    activation: activationFromHuggingFace(String(activation), 'activation_function'),
    embeddingDropout,
    attentionDropout,
    residualDropout,
    normEpsilon,
    initStd,
    tieEmbeddings,
    labels: labelsFromHuggingFace(json),
    ...(problemType !== null && { problemType }),
    ...tokenIdsFromHuggingFace({ bos_token_id: bos, eos_token_id: eos, pad_token_id: pad }),
  } as unknown as GPTNeoConfig);
}

/** Layers beyond this aren't listed for a file that has a number alone. */
const MOST_LAYERS = 2 ** 16;

/** `[[["global", "local"], 12]]`: each list as often as it says. */
function expandAttentionTypes(types: JsonValue): JsonValue[] {
  const wrong = (): ConfigError =>
    new ConfigError(`config.json: attention_types must be a list of [kinds, count], got ${JSON.stringify(types)}`);
  if (!Array.isArray(types)) throw wrong();
  return types.flatMap((type) => {
    const [kinds, count] = Array.isArray(type) ? type : [];
    if (!Array.isArray(kinds) || typeof count !== 'number' || !(kinds.length * count <= MOST_LAYERS)) throw wrong();
    return Array.from({ length: Math.max(0, count) }, () => kinds).flat();
  });
}

/** Alternating layers as the published configs have them, other ones in a list that is used once. */
function attentionTypesOf(layers: readonly string[]): JsonValue[] {
  const isAlternating =
    layers.length % 2 === 0 && layers.every((kind, i) => kind === (i % 2 === 0 ? 'global' : 'local'));
  return isAlternating ? [[['global', 'local'], layers.length / 2]] : [[[...layers], 1]];
}

function serializeConfig(config: GPTNeoConfig): JsonObject {
  const { dim, hiddenDim, attentionLayers } = config;
  return {
    vocab_size: config.vocabSize,
    max_position_embeddings: config.contextLength,
    hidden_size: dim,
    num_heads: config.numHeads,
    num_layers: attentionLayers.length,
    intermediate_size: hiddenDim === 4 * dim ? null : hiddenDim,
    attention_types: attentionTypesOf(attentionLayers),
    attention_layers: [...attentionLayers],
    window_size: config.windowSize,
    activation_function: activationToHuggingFace(config.activation),
    embed_dropout: config.embeddingDropout,
    attention_dropout: config.attentionDropout,
    resid_dropout: config.residualDropout,
    layer_norm_epsilon: config.normEpsilon,
    initializer_range: config.initStd,
    tie_word_embeddings: config.tieEmbeddings,
    ...tokenIdsToHuggingFace(config),
    ...labelsToHuggingFace(config.labels),
    ...(config.problemType && { problem_type: config.problemType }),
  };
}
