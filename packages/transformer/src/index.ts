export {
  type CallOptions,
  type DecodeOptions,
  EncoderDecoder,
  type EncoderDecoderConfig,
  type EncoderDecoderParts,
  type LossOptions,
} from './encoder-decoder.ts';
export {
  DecoderLayer,
  type DecoderLayerOptions,
  type DecoderLayerParts,
  EncoderLayer,
  type EncoderLayerParts,
  type Norm,
  type NormOrder,
  Stack,
} from './layers.ts';
export { Marian } from './marian.ts';
export { MARIAN_PRESETS, type MarianConfig, marianConfig, type MarianOptions } from './marian-config.ts';
export { marianConfigFromHuggingFace } from './marian-hf.ts';
export { Transformer } from './transformer.ts';
export {
  TRANSFORMER_PRESETS,
  type TransformerConfig,
  transformerConfig,
  type TransformerOptions,
  type TransformerPreset,
} from './transformer-config.ts';
export { transformerConfigFromTorch } from './transformer-format.ts';
