import type { JsonObject } from '@formers/checkpoints';
import { activationFromHuggingFace, activationToHuggingFace, type NameRow, type PretrainedFormat } from '@formers/nn';

import { sizeToHuggingFace } from '../hf.ts';
import { both, ENCODER_NAMES, layerNames, withPrefix } from '../hf-names.ts';
import type { Size } from '../size.ts';
import { type ViTMAEConfig, vitMAEConfig } from './config.ts';

/** The decoder of published checkpoints; Transformers 5 calls the layers `decoder_encoder.layer` when it saves, and reads both. */
const decoderNames = (layers: string): NameRow[] => [
  ...both('decoder.embed', 'decoder.decoder_embed'),
  ['decoder.maskToken', 'decoder.mask_token'],
  ['decoder.positions', 'decoder.decoder_pos_embed'],
  ...layerNames('decoder.layers', `decoder.${layers}`),
  ...both('decoder.norm', 'decoder.decoder_norm'),
  ...both('decoder.output', 'decoder.decoder_pred'),
];

const shared = {
  modelType: 'vit_mae',
  basePrefix: 'vit.',
  ignored: [],
  parseConfig: vitMAEConfigFromHuggingFace,
  serializeConfig,
} as const;

/** `ViTMAEModel` folders. */
export const VIT_MAE_MODEL: PretrainedFormat<ViTMAEConfig> = {
  ...shared,
  architecture: 'ViTMAEModel',
  isBase: true,
  names: ENCODER_NAMES,
};

/** `ViTMAEForPreTraining` folders as published. */
export const VIT_MAE_PRE_TRAINING: PretrainedFormat<ViTMAEConfig> = {
  ...shared,
  architecture: 'ViTMAEForPreTraining',
  isBase: false,
  names: [...withPrefix('vit.', ENCODER_NAMES), ...decoderNames('decoder_layers')],
};

/** `ViTMAEForPreTraining` folders as Transformers 5 saves them. */
export const VIT_MAE_PRE_TRAINING_5: PretrainedFormat<ViTMAEConfig> = {
  ...VIT_MAE_PRE_TRAINING,
  names: [...withPrefix('vit.', ENCODER_NAMES), ...decoderNames('decoder_encoder.layer')],
};

/** Whether a tensor is called as only {@link VIT_MAE_PRE_TRAINING_5} has it. */
export function isDecoderEncoder(name: string): boolean {
  return name.startsWith('decoder.decoder_encoder.');
}

/** A `vit_mae` config.json as ours. @throws {@link ConfigError} naming what no masked autoencoder can be built from. */
export function vitMAEConfigFromHuggingFace(json: JsonObject): ViTMAEConfig {
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
    decoder_hidden_size: decoderDim = 512,
    decoder_intermediate_size: decoderHiddenDim = 2048,
    decoder_num_attention_heads: decoderNumHeads = 16,
    decoder_num_hidden_layers: decoderNumLayers = 8,
    mask_ratio: maskRatio = 0.75,
    norm_pix_loss: normPixLoss = false,
  } = json;
  // vitMAEConfig checks types and ranges: what is wrong in the file is refused there.
  return vitMAEConfig({
    imageSize: imageSize as number | Size,
    patchSize: patchSize as number | Size,
    numChannels,
    dim,
    hiddenDim,
    numHeads,
    numLayers,
    activation: activationFromHuggingFace(String(activation), 'hidden_act'),
    dropout,
    attentionDropout,
    normEpsilon,
    initStd,
    qkvBias,
    decoderDim,
    decoderHiddenDim,
    decoderNumHeads,
    decoderNumLayers,
    maskRatio,
    normPixLoss,
  } as ViTMAEConfig);
}

function serializeConfig(config: ViTMAEConfig): JsonObject {
  return {
    image_size: sizeToHuggingFace(config.imageSize),
    patch_size: sizeToHuggingFace(config.patchSize),
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
    decoder_hidden_size: config.decoderDim,
    decoder_intermediate_size: config.decoderHiddenDim,
    decoder_num_attention_heads: config.decoderNumHeads,
    decoder_num_hidden_layers: config.decoderNumLayers,
    mask_ratio: config.maskRatio,
    norm_pix_loss: config.normPixLoss,
  };
}
