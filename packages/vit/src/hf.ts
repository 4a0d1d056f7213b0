import type { JsonObject, JsonValue } from '@formers/checkpoints';
import {
  activationFromHuggingFace,
  activationToHuggingFace,
  labelsFromHuggingFace,
  labelsToHuggingFace,
  type NameRow,
  type PretrainedFormat,
} from '@formers/nn';

import { type ViTConfig, vitConfig } from './config.ts';
import { both, CLASS_NAMES, ENCODER_NAMES, withPrefix } from './hf-names.ts';
import type { Size } from './size.ts';

const MASK_TOKEN_NAME: NameRow = ['encoder.maskToken', 'embeddings.mask_token'];

/** What the folders of a family of encoders with heads have in common. */
export interface FamilyFormats {
  readonly modelType: string;
  readonly alsoOpens?: readonly string[];
  readonly basePrefix: string;
  /** Of Hugging Face's classes, such as `ViT`. */
  readonly classPrefix: string;
  readonly encoderNames: readonly NameRow[];
}

/** The folders of one head. */
interface HeadFormat {
  /** Of the class, such as `ForImageClassification`. */
  readonly suffix: string;
  readonly headNames: readonly NameRow[];
  readonly maskToken?: boolean;
}

/** The folders of a bare model. */
export function baseFormat({
  modelType,
  alsoOpens = [],
  basePrefix,
  classPrefix,
  encoderNames,
}: FamilyFormats): PretrainedFormat<ViTConfig> {
  return {
    modelType,
    alsoOpens,
    basePrefix,
    architecture: `${classPrefix}Model`,
    isBase: true,
    names: [...encoderNames, MASK_TOKEN_NAME, ...both('pooler', 'pooler.dense')],
    classNames: CLASS_NAMES,
    ignored: [/(^|\.)embeddings\.mask_token$/], // that of a model that filled in patches
    parseConfig: vitConfigFromHuggingFace,
    serializeConfig,
  };
}

/** The folders of a model with a head. */
export function headFormat(
  { modelType, alsoOpens = [], basePrefix, classPrefix, encoderNames }: FamilyFormats,
  { suffix, headNames, maskToken = false }: HeadFormat,
): PretrainedFormat<ViTConfig> {
  return {
    modelType,
    alsoOpens,
    basePrefix,
    architecture: classPrefix + suffix,
    isBase: false,
    names: [...withPrefix(basePrefix, maskToken ? [...encoderNames, MASK_TOKEN_NAME] : encoderNames), ...headNames],
    classNames: CLASS_NAMES,
    // A base checkpoint may bring along what only other heads have a use for.
    ignored: [/(^|\.)pooler\.dense\.(weight|bias)$/, /(^|\.)embeddings\.mask_token$/],
    ...(maskToken && { optional: [/(^|\.)embeddings\.mask_token$/] }),
    parseConfig: vitConfigFromHuggingFace,
    serializeConfig,
  };
}

const VIT: FamilyFormats = {
  modelType: 'vit',
  alsoOpens: ['vit_mae'],
  basePrefix: 'vit.',
  classPrefix: 'ViT',
  encoderNames: ENCODER_NAMES,
};

/** `ViTModel` folders. */
export const VIT_MODEL: PretrainedFormat<ViTConfig> = baseFormat(VIT);

/** `ViTForImageClassification` folders. */
export const VIT_IMAGE_CLASSIFIER: PretrainedFormat<ViTConfig> = headFormat(VIT, {
  suffix: 'ForImageClassification',
  headNames: both('head', 'classifier'),
});

/** `ViTForMaskedImageModeling` folders. */
export const VIT_MASKED_IMAGE_MODEL: PretrainedFormat<ViTConfig> = headFormat(VIT, {
  suffix: 'ForMaskedImageModeling',
  headNames: both('decoder', 'decoder.0'),
  maskToken: true,
});

/** A `vit` or `deit` config.json as ours. @throws {@link ConfigError} naming what no ViT can be built from. */
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
    encoder_stride: encoderStride = 16,
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
    activation: activationFromHuggingFace(String(activation), 'hidden_act'),
    dropout,
    attentionDropout,
    normEpsilon,
    initStd,
    qkvBias,
    ...(poolerDim !== null && { poolerDim }),
    poolerActivation: activationFromHuggingFace(String(poolerActivation), 'pooler_act'),
    encoderStride,
    labels: labelsFromHuggingFace(json),
    ...(problemType !== null && { problemType }),
  } as ViTConfig);
}

function serializeConfig(config: ViTConfig): JsonObject {
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
    pooler_output_size: config.poolerDim,
    pooler_act: activationToHuggingFace(config.poolerActivation),
    encoder_stride: config.encoderStride,
    ...labelsToHuggingFace(config.labels),
    ...(config.problemType && { problem_type: config.problemType }),
  };
}

/** A square as one number. */
export function sizeToHuggingFace([height, width]: Size): JsonValue {
  return height === width ? height : [height, width];
}
