import type { JsonObject, JsonValue } from '@formers/checkpoints';
import { activationFromHuggingFace, activationToHuggingFace, type NameRow, type PretrainedFormat } from '@formers/nn';

import { type TransformerConfig, transformerConfig } from './transformer-config.ts';

/** A stack of `torch.nn.Transformer`. */
function stackNames(stack: 'encoder' | 'decoder', layer: readonly NameRow[]): NameRow[] {
  return [
    ...layer.map(([ours, theirs]): NameRow => [
      `${stack}.layers.{i}.${ours}`,
      `transformer.${stack}.layers.{i}.${theirs}`,
    ]),
    [`${stack}.norm.weight`, `transformer.${stack}.norm.weight`],
    [`${stack}.norm.bias`, `transformer.${stack}.norm.bias`],
  ];
}

/** Attention with one projection for queries, keys and values. */
function attentionNames(ours: string, theirs: string): NameRow[] {
  return [
    [`${ours}.queryKeyValue.weight`, `${theirs}.in_proj_weight`],
    [`${ours}.queryKeyValue.bias`, `${theirs}.in_proj_bias`],
    [`${ours}.output.weight`, `${theirs}.out_proj.weight`],
    [`${ours}.output.bias`, `${theirs}.out_proj.bias`],
  ];
}

/** Modules with a weight and a bias. */
function pairNames(pairs: Readonly<Record<string, string>>): NameRow[] {
  return Object.entries(pairs).flatMap(([ours, theirs]): NameRow[] => [
    [`${ours}.weight`, `${theirs}.weight`],
    [`${ours}.bias`, `${theirs}.bias`],
  ]);
}

const NAMES: readonly NameRow[] = [
  ['tokens.weight', 'embed.weight'],
  ['sourceTokens.weight', 'src_embed.weight'],
  ['targetTokens.weight', 'tgt_embed.weight'],
  ...stackNames('encoder', [
    ...attentionNames('attention', 'self_attn'),
    ...pairNames({ 'mlp.hidden': 'linear1', 'mlp.output': 'linear2', norm1: 'norm1', norm2: 'norm2' }),
  ]),
  ...stackNames('decoder', [
    ...attentionNames('selfAttention', 'self_attn'),
    ...attentionNames('crossAttention', 'multihead_attn'),
    ...pairNames({ 'mlp.hidden': 'linear1', 'mlp.output': 'linear2', norm1: 'norm1', norm2: 'norm2', norm3: 'norm3' }),
  ]),
  ...pairNames({ head: 'generator' }),
];

/**
 * Folders with the state dict of a `torch.nn.Transformer` between embeddings (`src_embed`, `tgt_embed`; `embed` where they are one) and a `generator`.
 * config.json holds the arguments.
 */
export const TORCH_TRANSFORMER: PretrainedFormat<TransformerConfig> = {
  modelType: 'transformer',
  architecture: 'torch.nn.Transformer',
  isStateDict: true,
  basePrefix: '',
  isBase: false,
  names: NAMES,
  ignored: [],
  vocabulary: ['tokens.weight', 'sourceTokens.weight', 'targetTokens.weight', 'head.weight', 'head.bias'],
  parseConfig: transformerConfigFromTorch,
  serializeConfig,
};

/** Arguments of `torch.nn.Transformer` and of what is around it as our config. @throws {@link ConfigError} naming what no Transformer can be built from. */
export function transformerConfigFromTorch(json: JsonObject): TransformerConfig {
  /** The first of these keys that is there. */
  const read = (keys: readonly string[], fallback: JsonValue): JsonValue =>
    keys.map((key) => json[key]).find((value) => value !== undefined) ?? fallback;
  const vocabSize = read(['tgt_vocab', 'vocab', 'vocab_size'], null);
  const dropout = read(['dropout'], 0.1);
  // transformerConfig checks types and ranges: what is wrong in the file is refused there.
  return transformerConfig({
    vocabSize,
    sourceVocabSize: read(['src_vocab', 'vocab', 'vocab_size'], vocabSize),
    contextLength: read(['max_len'], 5000),
    dim: read(['d_model'], 512),
    hiddenDim: read(['ffn', 'dim_feedforward'], 2048),
    numHeads: read(['heads', 'nhead'], 8),
    numLayers: read(['encoder_layers', 'num_encoder_layers'], 6),
    numDecoderLayers: read(['decoder_layers', 'num_decoder_layers'], 6),
    norm: read(['norm_first'], false) === true ? 'pre' : 'post',
    finalNorm: read(['final_norm'], true),
    normEpsilon: read(['layer_norm_eps'], 1e-5),
    activation: activationFromHuggingFace(String(read(['activation'], 'relu')), 'activation'),
    bias: read(['bias'], true),
    shareEmbeddings: read(['share_embeddings'], false),
    dropout,
    attentionDropout: read(['attention_dropout'], dropout),
    activationDropout: read(['activation_dropout'], dropout),
    labelSmoothing: read(['label_smoothing'], 0),
    padTokenId: read(['pad'], 0),
    decoderStartTokenId: read(['bos'], 1),
    eosTokenId: read(['eos'], 2),
  } as unknown as TransformerConfig);
}

function serializeConfig(config: TransformerConfig): JsonObject {
  const { vocabSize, sourceVocabSize } = config;
  return {
    ...(vocabSize === sourceVocabSize ? { vocab: vocabSize } : { src_vocab: sourceVocabSize, tgt_vocab: vocabSize }),
    max_len: config.contextLength,
    d_model: config.dim,
    ffn: config.hiddenDim,
    heads: config.numHeads,
    encoder_layers: config.numLayers,
    decoder_layers: config.numDecoderLayers,
    norm_first: config.norm === 'pre',
    final_norm: config.finalNorm,
    layer_norm_eps: config.normEpsilon,
    activation: activationToHuggingFace(config.activation),
    bias: config.bias,
    share_embeddings: config.shareEmbeddings,
    dropout: config.dropout,
    attention_dropout: config.attentionDropout,
    activation_dropout: config.activationDropout,
    label_smoothing: config.labelSmoothing,
    pad: config.padTokenId,
    bos: config.decoderStartTokenId,
    eos: config.eosTokenId,
  };
}
