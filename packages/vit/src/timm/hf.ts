import { ConfigError } from '@formers/backend';
import { isJsonObject, type JsonObject, type JsonValue } from '@formers/checkpoints';
import { activationFromHuggingFace, activationToHuggingFace, defaultLabels } from '@formers/nn';

import { sizeToHuggingFace } from '../hf.ts';
import type { Size } from '../size.ts';
import { argumentsOfArchitecture, isClassName } from './architectures.ts';
import { type TimmPooling, type TimmViTConfig, timmViTConfig } from './config.ts';

/** The arguments of timm's `VisionTransformer` that are read, with their defaults. */
const DEFAULTS = {
  img_size: 224,
  patch_size: 16,
  in_chans: 3,
  num_classes: 1000,
  global_pool: 'token',
  embed_dim: 768,
  depth: 12,
  num_heads: 12,
  mlp_ratio: 4,
  qkv_bias: true,
  qk_norm: false,
  proj_bias: true,
  init_values: null,
  class_token: true,
  pos_embed: 'learn',
  no_embed_class: false,
  reg_tokens: 0,
  pre_norm: false,
  final_norm: true,
  fc_norm: null,
  pool_include_prefix: false,
  dynamic_img_size: false,
  drop_rate: 0,
  pos_drop_rate: 0,
  proj_drop_rate: 0,
  attn_drop_rate: 0,
  drop_path_rate: 0,
  act_layer: null,
} satisfies JsonObject;

/** Arguments that must be as they are by default: what they change is not here. */
const FIXED: JsonObject = {
  scale_attn_norm: false,
  scale_mlp_norm: false,
  dynamic_img_pad: false,
  patch_drop_rate: 0,
  embed_layer: null,
  embed_norm_layer: null,
  norm_layer: null,
  block_fn: null,
  mlp_layer: null,
  attn_layer: null,
};

/** Arguments that only say how weights start. */
const START_ONLY: ReadonlySet<string> = new Set(['weight_init', 'fix_init']);

type Arguments = Record<keyof typeof DEFAULTS, JsonValue>;

/**
 * A timm config.json as ours: one from the hub, with the name of an architecture and maybe `model_args`, or the arguments of `timm.VisionTransformer`.
 *
 * @throws {@link ConfigError} naming what no ViT of ours can be built from.
 */
export function timmViTConfigFromJson(json: JsonObject): TimmViTConfig {
  const { told, normEpsilon } = argumentsOf(json);
  const args: Arguments = { ...DEFAULTS, ...told };
  for (const [name, value] of Object.entries(told)) checkArgument(name, value);
  const pooling = args.global_pool === '' ? 'none' : (args.global_pool as TimmPooling);
  // timmViTConfig checks types and ranges: what is wrong in the file is refused there.
  return timmViTConfig({
    imageSize: args.img_size as number | Size,
    patchSize: args.patch_size as number | Size,
    numChannels: args.in_chans,
    labels: labelsOf(json, args.num_classes),
    pooling,
    dim: args.embed_dim,
    numLayers: args.depth,
    numHeads: args.num_heads,
    hiddenDim: hiddenDimOf(args),
    activation: activationOf(args.act_layer),
    normEpsilon,
    qkvBias: args.qkv_bias,
    qkNorm: args.qk_norm,
    projectionBias: args.proj_bias,
    layerScale: args.init_values ?? 0,
    classToken: args.class_token,
    numRegisters: args.reg_tokens,
    positions: args.pos_embed === 'learn',
    prefixPositions: args.no_embed_class === false,
    preNorm: args.pre_norm,
    finalNorm: args.final_norm,
    normAfterPooling: args.fc_norm ?? ['avg', 'avgmax', 'max'].includes(pooling),
    poolPrefix: args.pool_include_prefix,
    dynamicImageSize: args.dynamic_img_size,
    dropout: args.drop_rate,
    positionDropout: args.pos_drop_rate,
    projectionDropout: args.proj_drop_rate,
    attentionDropout: args.attn_drop_rate,
    dropPath: args.drop_path_rate,
  } as TimmViTConfig);
}

/** The arguments of timm's `VisionTransformer` for a config; norm epsilon and labels aren't among them. */
export function timmArguments(config: TimmViTConfig): JsonObject {
  return {
    img_size: sizeToHuggingFace(config.imageSize),
    patch_size: sizeToHuggingFace(config.patchSize),
    in_chans: config.numChannels,
    num_classes: config.labels.length,
    global_pool: config.pooling === 'none' ? '' : config.pooling,
    embed_dim: config.dim,
    depth: config.numLayers,
    num_heads: config.numHeads,
    mlp_ratio: mlpRatioOf(config),
    qkv_bias: config.qkvBias,
    qk_norm: config.qkNorm,
    proj_bias: config.projectionBias,
    init_values: config.layerScale === 0 ? null : config.layerScale,
    class_token: config.classToken,
    pos_embed: config.positions ? 'learn' : 'none',
    no_embed_class: !config.prefixPositions,
    reg_tokens: config.numRegisters,
    pre_norm: config.preNorm,
    final_norm: config.finalNorm,
    fc_norm: config.normAfterPooling,
    pool_include_prefix: config.poolPrefix,
    dynamic_img_size: config.dynamicImageSize,
    drop_rate: config.dropout,
    pos_drop_rate: config.positionDropout,
    proj_drop_rate: config.projectionDropout,
    attn_drop_rate: config.attentionDropout,
    drop_path_rate: config.dropPath,
    act_layer: config.activation === 'geluTanh' ? 'gelu_tanh' : activationToHuggingFace(config.activation),
  };
}

/** What a file tells, in timm's order: what the weights were made for, then the architecture, then its own arguments. */
function argumentsOf(json: JsonObject): { told: JsonObject; normEpsilon: number } {
  const { architecture, model_type: _, ...rest } = json;
  if (isClassName(architecture)) return { told: rest, normEpsilon: 1e-6 };
  const found = argumentsOfArchitecture(architecture);
  const pretrained = isJsonObject(json['pretrained_cfg']) ? json['pretrained_cfg'] : json;
  const { input_size: inputSize } = pretrained;
  const [numChannels, ...imageSize] = Array.isArray(inputSize) ? inputSize : [];
  const numClasses = json['num_classes'] ?? pretrained['num_classes'];
  return {
    told: {
      ...(numChannels !== undefined && { in_chans: numChannels }),
      ...(pretrained['fixed_input_size'] === true && imageSize.length === 2 && { img_size: imageSize }),
      ...(numClasses !== undefined && { num_classes: numClasses }),
      ...(typeof pretrained['global_pool'] === 'string' && { global_pool: pretrained['global_pool'] }),
      ...found.told,
      ...(isJsonObject(json['model_args']) ? json['model_args'] : {}),
    },
    normEpsilon: found.normEpsilon,
  };
}

function checkArgument(name: string, value: JsonValue): void {
  if (name in DEFAULTS || START_ONLY.has(name) || isFact(name)) return;
  if (!(name in FIXED)) throw new ConfigError(`config.json: timm's ViT here has no argument ${name}`);
  if (value !== FIXED[name])
    throw new ConfigError(`config.json: ${name} must be ${String(FIXED[name])}, got ${JSON.stringify(value)}`);
}

/** Names of what a config says beside the arguments. */
function isFact(name: string): boolean {
  return ['num_features', 'label_names', 'label_descriptions', 'pretrained_cfg'].includes(name);
}

function labelsOf(json: JsonObject, numClasses: JsonValue): string[] {
  const count = typeof numClasses === 'number' && Number.isInteger(numClasses) && numClasses >= 0 ? numClasses : -1;
  if (count < 0 || count > 2 ** 20)
    throw new ConfigError(`config.json: num_classes must be from 0 to ${2 ** 20}, got ${JSON.stringify(numClasses)}`);
  const pretrained = json['pretrained_cfg'];
  const names = json['label_names'] ?? (isJsonObject(pretrained) ? pretrained['label_names'] : undefined);
  const isList = Array.isArray(names) && names.length === count && names.every((name) => typeof name === 'string');
  return isList ? (names as string[]) : defaultLabels(count);
}

function activationOf(name: JsonValue): TimmViTConfig['activation'] {
  if (name === null) return 'gelu';
  return name === 'gelu_tanh' ? 'geluTanh' : activationFromHuggingFace(String(name), 'act_layer');
}

/** timm cuts the product to a whole number; what is no number is refused as it is. */
function hiddenDimOf({ embed_dim: dim, mlp_ratio: ratio }: Arguments): JsonValue {
  return typeof dim === 'number' && typeof ratio === 'number' ? Math.trunc(dim * ratio) : ratio;
}

/** A ratio that timm, which cuts `dim · ratio` to a whole number, makes the same width of. */
function mlpRatioOf({ dim, hiddenDim }: TimmViTConfig): number {
  const ratio = hiddenDim / dim;
  return Math.trunc(dim * ratio) === hiddenDim ? ratio : (hiddenDim + 0.5) / dim;
}
