export { type BARTCausalOptions, BARTForCausalLM } from './causal-language-model.ts';
export { BART, type BARTLossOptions } from './conditional-generation.ts';
export { BART_PRESETS, type BARTConfig, bartConfig, type BARTOptions, type BARTPreset } from './config.ts';
export { bartConfigFromHuggingFace } from './hf.ts';
export { BARTDecoderLayer, type BARTDecoderLayerOptions, BARTEncoderLayer } from './layers.ts';
export { type BARTCallOptions, type BARTDecodeOptions, BARTModel } from './model.ts';
export { BARTForQuestionAnswering } from './question-answering.ts';
export { BARTForSequenceClassification } from './sequence-classifier.ts';
export { BARTDecoder, type BARTDecoderOptions, BARTEncoder, type BARTEncodeOptions } from './stacks.ts';
