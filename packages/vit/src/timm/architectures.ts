import { ConfigError } from '@formers/backend';
import type { JsonObject, JsonValue } from '@formers/checkpoints';

const SIZES: ReadonlyMap<string, JsonObject> = new Map([
  ['tiny', { embed_dim: 192, depth: 12, num_heads: 3 }],
  ['small', { embed_dim: 384, depth: 12, num_heads: 6 }],
  ['medium', { embed_dim: 512, depth: 12, num_heads: 8 }],
  ['base', { embed_dim: 768, depth: 12, num_heads: 12 }],
  ['large', { embed_dim: 1024, depth: 24, num_heads: 16 }],
  ['huge', { embed_dim: 1280, depth: 32, num_heads: 16 }],
]);

/** What follows the size of a patch in a name, and what it means; a number after it is the size of the images. */
const VARIANTS: ReadonlyMap<string, JsonObject> = new Map([
  ['vit', {}],
  ['vit_miil', { qkv_bias: false }],
  ['vit_dinov2', { init_values: 1e-5 }],
  ['vit_reg4_dinov2', { init_values: 1e-5, reg_tokens: 4, no_embed_class: true }],
  ['vit_clip', { pre_norm: true }],
  ['vit_clip_quickgelu', { pre_norm: true, act_layer: 'quick_gelu' }],
  ['deit', {}],
  ['deit3', { no_embed_class: true, init_values: 1e-6 }],
]);

/** The architecture that new models are saved under, beside all of their arguments. */
export const ANY_VIT = 'vit_base_patch16_224';
/** The same for norms whose epsilon is 1e-5. */
export const ANY_CLIP_VIT = 'vit_base_patch16_clip_224';

/** Whether the file has the arguments of timm's class itself. */
export function isClassName(architecture: JsonValue | undefined): boolean {
  return architecture === 'timm.VisionTransformer' || architecture === 'VisionTransformer';
}

/**
 * What the name of a timm architecture stands for, such as `vit_base_patch16_224` or `vit_small_patch14_dinov2.lvd142m`.
 *
 * @throws {@link ConfigError} for one that isn't known here.
 */
export function argumentsOfArchitecture(architecture: JsonValue | undefined): {
  told: JsonObject;
  normEpsilon: number;
} {
  const name = typeof architecture === 'string' ? architecture : '';
  const [, family = '', size = '', patch = '', middle = '', end = ''] =
    /^(vit|deit3?)_([a-z]+)_patch(\d+)((?:_[a-z][a-z0-9]*)*?)(?:_\d+)?((?:_[a-z]+)?)(?:\..*)?$/.exec(name) ?? [];
  const variant = `${family}${middle}${end}`;
  const [sizes, others] = [SIZES.get(size), VARIANTS.get(variant)];
  if (!sizes || !others)
    throw new ConfigError(
      `config.json: architecture must be one of timm's ViTs that are known here (vit, deit or deit3 in ${[...SIZES.keys()].join(', ')}; dinov2, clip), got ${JSON.stringify(architecture)}`,
    );
  return {
    told: { ...sizes, patch_size: Number(patch), ...others },
    normEpsilon: variant.startsWith('vit_clip') ? 1e-5 : 1e-6,
  };
}
