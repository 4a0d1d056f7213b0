import type { NameRow, PretrainedFormat } from '@formers/nn';

import { both } from '../hf-names.ts';
import type { TimmViTConfig } from './config.ts';
import { timmArguments, timmViTConfigFromJson } from './hf.ts';

/** What timm's config.json lacks, and the loader asks for. */
export const TIMM_MODEL_TYPE = 'timm_vit';

const LAYER_NAMES: readonly NameRow[] = (
  [
    ['norm1', 'norm1'],
    ['attention.queryKeyValue', 'attn.qkv'],
    ['attention.queryNorm', 'attn.q_norm'],
    ['attention.keyNorm', 'attn.k_norm'],
    ['attention.output', 'attn.proj'],
    ['norm2', 'norm2'],
    ['mlp.hidden', 'mlp.fc1'],
    ['mlp.output', 'mlp.fc2'],
  ] as const
).flatMap(([ours, theirs]) => both(`encoder.layers.{i}.${ours}`, `blocks.{i}.${theirs}`));

/** Folders of timm's `VisionTransformer`. */
export const TIMM_VIT: PretrainedFormat<TimmViTConfig> = {
  modelType: TIMM_MODEL_TYPE,
  architecture: 'timm.VisionTransformer',
  basePrefix: '',
  isBase: false,
  names: [
    ['encoder.classToken', 'cls_token'],
    ['encoder.registers', 'reg_token'],
    ['encoder.positions', 'pos_embed'],
    ...both('encoder.patches', 'patch_embed.proj'),
    ...both('encoder.preNorm', 'norm_pre'),
    ...LAYER_NAMES,
    ['encoder.layers.{i}.scale1.factors', 'blocks.{i}.ls1.gamma'],
    ['encoder.layers.{i}.scale2.factors', 'blocks.{i}.ls2.gamma'],
    ...both('encoder.norm', 'norm'),
    ...both('norm', 'fc_norm'),
    ...both('head', 'head'),
  ],
  ignored: [],
  optional: [/^head\.(weight|bias)$/],
  parseConfig: timmViTConfigFromJson,
  serializeConfig: timmArguments,
};
