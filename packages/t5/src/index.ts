export { T5, type T5LossOptions } from './conditional-generation.ts';
export { T5_PRESETS, type T5Config, t5Config, type T5Options, type T5Preset } from './config.ts';
export { T5EncoderModel } from './encoder-model.ts';
export { t5ConfigFromHuggingFace } from './hf.ts';
export { T5DecoderLayer, type T5DecoderLayerOptions, T5EncoderLayer, T5GatedFeedForward } from './layers.ts';
export {
  type T5CallOptions,
  T5Decoder,
  type T5DecodeOptions,
  T5Encoder,
  type T5EncodeOptions,
  T5Model,
} from './model.ts';
export { T5ForQuestionAnswering } from './question-answering.ts';
export { T5ForSequenceClassification } from './sequence-classifier.ts';
export { T5ForTokenClassification } from './token-classifier.ts';
