export {
  numPatches,
  type Size,
  VIT_PRESETS,
  type ViTConfig,
  vitConfig,
  type ViTOptions,
  type ViTPreset,
} from './config.ts';
export { vitConfigFromHuggingFace } from './hf.ts';
export { ViTForImageClassification } from './image-classifier.ts';
export { type ViTCallOptions, ViTEncoder, ViTLayer, ViTModel, type ViTOutput } from './model.ts';
export { patchify, PatchEmbedding, type PatchEmbeddingConfig } from './patch-embedding.ts';
