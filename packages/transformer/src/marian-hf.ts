import type { JsonObject } from '@formers/checkpoints';
import { activationFromHuggingFace, activationToHuggingFace, type NameRow, type PretrainedFormat } from '@formers/nn';

import { type MarianConfig, marianConfig } from './marian-config.ts';

/** Modules with a weight and a bias, in every layer of a stack. */
function layerNames(stack: 'encoder' | 'decoder', pairs: Readonly<Record<string, string>>): NameRow[] {
  return Object.entries(pairs).flatMap(([ours, theirs]) =>
    ['weight', 'bias'].map((kind): NameRow => [
      `${stack}.layers.{i}.${ours}.${kind}`,
      `model.${stack}.layers.{i}.${theirs}.${kind}`,
    ]),
  );
}

/** An attention module with its four projections. */
function attentionNames(ours: string, theirs: string): Record<string, string> {
  return {
    [`${ours}.query`]: `${theirs}.q_proj`,
    [`${ours}.key`]: `${theirs}.k_proj`,
    [`${ours}.value`]: `${theirs}.v_proj`,
    [`${ours}.output`]: `${theirs}.out_proj`,
  };
}

const mlp = { 'mlp.hidden': 'fc1', 'mlp.output': 'fc2' };

const NAMES: readonly NameRow[] = [
  ['tokens.weight', 'model.shared.weight'],
  ['sourceTokens.weight', 'model.encoder.embed_tokens.weight'],
  ['targetTokens.weight', 'model.decoder.embed_tokens.weight'],
  ...layerNames('encoder', {
    ...attentionNames('attention', 'self_attn'),
    norm1: 'self_attn_layer_norm',
    ...mlp,
    norm2: 'final_layer_norm',
  }),
  ...layerNames('decoder', {
    ...attentionNames('selfAttention', 'self_attn'),
    norm1: 'self_attn_layer_norm',
    ...attentionNames('crossAttention', 'encoder_attn'),
    norm2: 'encoder_attn_layer_norm',
    ...mlp,
    norm3: 'final_layer_norm',
  }),
  ['head.weight', 'lm_head.weight'],
  ['logitsBias', 'final_logits_bias'],
];

/** `MarianMTModel` folders. */
export const MARIAN: PretrainedFormat<MarianConfig> = {
  modelType: 'marian',
  architecture: 'MarianMTModel',
  basePrefix: 'model.',
  isBase: false,
  generates: true,
  names: NAMES,
  // Sinusoids, and copies of tied tables, in checkpoints of old releases.
  ignored: [/^model\.(en|de)coder\.embed_(positions|tokens)\.weight$/, /^lm_head\.weight$/],
  vocabulary: ['tokens.weight', 'sourceTokens.weight', 'targetTokens.weight', 'head.weight', 'logitsBias'],
  parseConfig: marianConfigFromHuggingFace,
  serializeConfig,
};

/** A `marian` config.json as ours. @throws {@link ConfigError} naming what no Marian model can be built from. */
export function marianConfigFromHuggingFace(json: JsonObject): MarianConfig {
  const {
    vocab_size: sourceVocabSize = 58101,
    decoder_vocab_size: decoderVocabSize = null,
    max_position_embeddings: contextLength = 1024,
    d_model: dim = 1024,
    encoder_layers: numLayers = 12,
    encoder_ffn_dim: hiddenDim = 4096,
    encoder_attention_heads: numHeads = 16,
    decoder_layers: numDecoderLayers = 12,
    decoder_ffn_dim: decoderHiddenDim = 4096,
    decoder_attention_heads: numDecoderHeads = 16,
    activation_function: activation = 'gelu',
    dropout = 0.1,
    attention_dropout: attentionDropout = 0,
    activation_dropout: activationDropout = 0,
    scale_embedding: scaleEmbeddings = false,
    share_encoder_decoder_embeddings: shareEmbeddings = true,
    tie_word_embeddings: tieEmbeddings = true,
    init_std: initStd = 0.02,
    pad_token_id: padTokenId = 58100,
    eos_token_id: eos = 0,
    decoder_start_token_id: decoderStartTokenId = 58100,
  } = json;
  // marianConfig checks types and ranges: what is wrong in the file is refused there.
  return marianConfig({
    vocabSize: shareEmbeddings ? sourceVocabSize : decoderVocabSize || sourceVocabSize,
    sourceVocabSize,
    contextLength,
    dim,
    numLayers,
    hiddenDim,
    numHeads,
    numDecoderLayers,
    decoderHiddenDim,
    numDecoderHeads,
    activation: activationFromHuggingFace(String(activation), 'activation_function'),
    dropout,
    attentionDropout,
    activationDropout,
    scaleEmbeddings,
    shareEmbeddings,
    tieEmbeddings,
    initStd,
    padTokenId,
    eosTokenId: Array.isArray(eos) ? eos[0] : eos, // generation reads them all from generation_config.json
    decoderStartTokenId,
  } as unknown as MarianConfig);
}

function serializeConfig(config: MarianConfig): JsonObject {
  return {
    is_encoder_decoder: true,
    vocab_size: config.sourceVocabSize,
    decoder_vocab_size: config.vocabSize,
    max_position_embeddings: config.contextLength,
    d_model: config.dim,
    encoder_layers: config.numLayers,
    encoder_ffn_dim: config.hiddenDim,
    encoder_attention_heads: config.numHeads,
    decoder_layers: config.numDecoderLayers,
    decoder_ffn_dim: config.decoderHiddenDim,
    decoder_attention_heads: config.numDecoderHeads,
    activation_function: activationToHuggingFace(config.activation),
    dropout: config.dropout,
    attention_dropout: config.attentionDropout,
    activation_dropout: config.activationDropout,
    scale_embedding: config.scaleEmbeddings,
    share_encoder_decoder_embeddings: config.shareEmbeddings,
    tie_word_embeddings: config.tieEmbeddings,
    init_std: config.initStd,
    pad_token_id: config.padTokenId,
    eos_token_id: config.eosTokenId,
    forced_eos_token_id: config.eosTokenId,
    decoder_start_token_id: config.decoderStartTokenId,
  };
}
