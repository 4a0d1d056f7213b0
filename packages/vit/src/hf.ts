import type { JsonObject, JsonValue } from '@formers/checkpoints';
import {
  activationFromHuggingFace,
  activationToHuggingFace,
  labelsFromHuggingFace,
  labelsToHuggingFace,
  type NameRow,
  type PretrainedFormat,
} from '@formers/nn';

import { type Size, type ViTConfig, vitConfig } from './config.ts';

const ENCODER_NAMES: readonly NameRow[] = [
  ['encoder.classToken', 'embeddings.cls_token'],
  ['encoder.positions', 'embeddings.position_embeddings'],
  ['encoder.patches.weight', 'embeddings.patch_embeddings.projection.weight'],
  ['encoder.patches.bias', 'embeddings.patch_embeddings.projection.bias'],
  ['encoder.layers.{i}.norm1.weight', 'encoder.layer.{i}.layernorm_before.weight'],
  ['encoder.layers.{i}.norm1.bias', 'encoder.layer.{i}.layernorm_before.bias'],
  ['encoder.layers.{i}.attention.query.weight', 'encoder.layer.{i}.attention.attention.query.weight'],
  ['encoder.layers.{i}.attention.query.bias', 'encoder.layer.{i}.attention.attention.query.bias'],
  ['encoder.layers.{i}.attention.key.weight', 'encoder.layer.{i}.attention.attention.key.weight'],
  ['encoder.layers.{i}.attention.key.bias', 'encoder.layer.{i}.attention.attention.key.bias'],
  ['encoder.layers.{i}.attention.value.weight', 'encoder.layer.{i}.attention.attention.value.weight'],
  ['encoder.layers.{i}.attention.value.bias', 'encoder.layer.{i}.attention.attention.value.bias'],
  ['encoder.layers.{i}.attention.output.weight', 'encoder.layer.{i}.attention.output.dense.weight'],
  ['encoder.layers.{i}.attention.output.bias', 'encoder.layer.{i}.attention.output.dense.bias'],
  ['encoder.layers.{i}.norm2.weight', 'encoder.layer.{i}.layernorm_after.weight'],
  ['encoder.layers.{i}.norm2.bias', 'encoder.layer.{i}.layernorm_after.bias'],
  ['encoder.layers.{i}.mlp.hidden.weight', 'encoder.layer.{i}.intermediate.dense.weight'],
  ['encoder.layers.{i}.mlp.hidden.bias', 'encoder.layer.{i}.intermediate.dense.bias'],
  ['encoder.layers.{i}.mlp.output.weight', 'encoder.layer.{i}.output.dense.weight'],
  ['encoder.layers.{i}.mlp.output.bias', 'encoder.layer.{i}.output.dense.bias'],
  ['encoder.norm.weight', 'layernorm.weight'],
  ['encoder.norm.bias', 'layernorm.bias'],
];

const shared = {
  modelType: 'vit',
  basePrefix: 'vit.',
  ignored: [],
  parseConfig: vitConfigFromHuggingFace,
  serializeConfig,
} as const;

/** `ViTModel` folders. */
export const VIT_MODEL: PretrainedFormat<ViTConfig> = {
  ...shared,
  architecture: 'ViTModel',
  isBase: true,
  names: [...ENCODER_NAMES, ['pooler.weight', 'pooler.dense.weight'], ['pooler.bias', 'pooler.dense.bias']],
};

/** `ViTForImageClassification` folders. */
export const VIT_IMAGE_CLASSIFIER: PretrainedFormat<ViTConfig> = {
  ...shared,
  // A base checkpoint may bring the pooler along, which a classifier has no use for.
  ignored: [/^(vit\.)?pooler\.dense\.(weight|bias)$/],
  architecture: 'ViTForImageClassification',
  isBase: false,
  names: [
    ...ENCODER_NAMES.map(([ours, theirs]): NameRow => [ours, `vit.${theirs}`]),
    ['head.weight', 'classifier.weight'],
    ['head.bias', 'classifier.bias'],
  ],
};

/** A `vit` config.json as ours. @throws {@link ConfigError} naming what no ViT can be built from. */
export function vitConfigFromHuggingFace(json: JsonObject): ViTConfig {
  const {
    image_size: imageSize = 224,
    patch_size: patchSize = 16,
    num_channels: numChannels = 3,
    hidden_size: dim = 768,
    intermediate_size: hiddenDim = 3072,
    num_attention_heads: numHeads = 12,
    num_hidden_layers: numLayers = 12,
    hidden_act: activation = 'gelu',
    hidden_dropout_prob: dropout = 0,
    attention_probs_dropout_prob: attentionDropout = 0,
    layer_norm_eps: normEpsilon = 1e-12,
    initializer_range: initStd = 0.02,
    qkv_bias: qkvBias = true,
    pooler_output_size: poolerDim = null,
    pooler_act: poolerActivation = 'tanh',
    problem_type: problemType = null,
  } = json;
  // vitConfig checks types and ranges: what is wrong in the file is refused there.
  return vitConfig({
    imageSize: imageSize as number | Size,
    patchSize: patchSize as number | Size,
    numChannels,
    dim,
    hiddenDim,
    numHeads,
    numLayers,
    activation: activationFromHuggingFace(String(activation)),
    dropout,
    attentionDropout,
    normEpsilon,
    initStd,
    qkvBias,
    ...(poolerDim !== null && { poolerDim }),
    poolerActivation: activationFromHuggingFace(String(poolerActivation)),
    labels: labelsFromHuggingFace(json),
    ...(problemType !== null && { problemType }),
  } as ViTConfig);
}

function serializeConfig(config: ViTConfig): JsonObject {
  const asJson = ([height, width]: Size): JsonValue => (height === width ? height : [height, width]);
  return {
    image_size: asJson(config.imageSize),
    patch_size: asJson(config.patchSize),
    num_channels: config.numChannels,
    hidden_size: config.dim,
    intermediate_size: config.hiddenDim,
    num_attention_heads: config.numHeads,
    num_hidden_layers: config.numLayers,
    hidden_act: activationToHuggingFace(config.activation),
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.attentionDropout,
    layer_norm_eps: config.normEpsilon,
    initializer_range: config.initStd,
    qkv_bias: config.qkvBias,
    pooler_output_size: config.poolerDim,
    pooler_act: activationToHuggingFace(config.poolerActivation),
    ...labelsToHuggingFace(config.labels),
    ...(config.problemType && { problem_type: config.problemType }),
  };
}
