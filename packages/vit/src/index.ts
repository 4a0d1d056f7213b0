export { VIT_PRESETS, type ViTConfig, vitConfig, type ViTOptions, type ViTPreset } from './config.ts';
export { DEIT_PRESETS, type DeiTPreset } from './deit/config.ts';
export { DeiTForImageClassification } from './deit/image-classifier.ts';
export { DeiTForMaskedImageModeling } from './deit/masked-image-model.ts';
export { DeiTEncoder, DeiTModel } from './deit/model.ts';
export {
  DeiTForImageClassificationWithTeacher,
  type DeiTTeacherOutput,
  type DistillationLossOptions,
} from './deit/with-teacher.ts';
export { vitConfigFromHuggingFace } from './hf.ts';
export { type ImageLossOptions, ViTForImageClassification } from './image-classifier.ts';
export { ViTLayer, type ViTLayerConfig } from './layer.ts';
export {
  VIT_MAE_PRESETS,
  type ViTMAEConfig,
  vitMAEConfig,
  type ViTMAEOptions,
  type ViTMAEPreset,
} from './mae/config.ts';
export { ViTMAEDecoder } from './mae/decoder.ts';
export { vitMAEConfigFromHuggingFace } from './mae/hf.ts';
export { maskPatches, type NoiseOptions, type PatchMask } from './mae/masking.ts';
export { type ViTMAECallOptions, ViTMAEEncoder, ViTMAEModel, type ViTMAEOutput } from './mae/model.ts';
export { maskedPixelLoss, type MaskedPixelLossOptions } from './mae/pixel-loss.ts';
export { ViTMAEForPreTraining, type ViTMAEPreTrainingOutput } from './mae/pre-training.ts';
export { maskedImageLoss } from './masked-image-loss.ts';
export { ViTForMaskedImageModeling } from './masked-image-model.ts';
export {
  type MaskedCallOptions,
  type ViTCallOptions,
  ViTEncoder,
  type ViTEncoderOptions,
  ViTModel,
  type ViTOutput,
  type ViTParts,
} from './model.ts';
export { patchify, PatchEmbedding, type PatchEmbeddingConfig, unpatchify } from './patch-embedding.ts';
export { PixelDecoder, type PixelDecoderConfig } from './pixel-decoder.ts';
export { numPatches, type Size } from './size.ts';
export { TimmAttention } from './timm/attention.ts';
export { type TimmPooling, type TimmViTConfig, timmViTConfig, type TimmViTOptions } from './timm/config.ts';
export { timmViTConfigFromJson } from './timm/hf.ts';
export { LayerScale, TimmViTLayer } from './timm/layer.ts';
export { TimmViTEncoder } from './timm/model.ts';
export { TimmViT } from './timm/timm-vit.ts';
export { truncatedNormal } from './truncated-normal.ts';
