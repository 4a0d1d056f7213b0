export { type AttentionMask, checkAttentionMask, paddingMask } from './attention-mask.ts';
export { type CrossCache, EncoderDecoderCache } from './encoder-decoder-cache.ts';
export { ExtraKeysAttention, type ExtraKeysAttentionConfig } from './extra-keys.ts';
export { attend, type AttendOptions, attentionWeights, mergeHeads, selfAttend, splitHeads } from '@formers/backend';
export {
  type CrossAttentionOptions,
  FusedCrossAttention,
  type FusedCrossAttentionConfig,
} from './fused-cross-attention.ts';
export {
  FusedSelfAttention,
  type FusedSelfAttentionConfig,
  type SelfAttentionOptions,
} from './fused-self-attention.ts';
export { forCache } from './for-cache.ts';
export { GrowingKVCache, type KVCache, type LayerCache } from './kv-cache.ts';
export { causalPaddingMask, type MaskAndBias } from './masks.ts';
export {
  type AttentionOptions,
  type KeysAndValues,
  MultiHeadAttention,
  type MultiHeadAttentionConfig,
  type RotatesHeads,
} from './multi-head-attention.ts';
export { SlidingKVCache } from './sliding-kv-cache.ts';
export { StaticKVCache } from './static-kv-cache.ts';
