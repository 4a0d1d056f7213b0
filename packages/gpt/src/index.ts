export type { GPTCallOptions } from './call-options.ts';
export type { DecoderConfig, DecoderStack } from './decoder-config.ts';
export { GPT1, GPT1ForSequenceClassification, GPT1Layer, GPT1Model } from './gpt1.ts';
export { GPT1_PRESETS, type GPT1Config, gpt1Config, type GPT1Options } from './gpt1-config.ts';
export { gpt1ConfigFromHuggingFace } from './gpt1-hf.ts';
export { GPT, GPTForSequenceClassification, GPTLayer, GPTModel } from './gpt2.ts';
export { GPT_PRESETS, type GPTConfig, gptConfig, type GPTOptions, type GPTPreset } from './gpt2-config.ts';
export { gptConfigFromHuggingFace } from './gpt2-hf.ts';
export { GPTNeo, GPTNeoForSequenceClassification, GPTNeoLayer, GPTNeoModel } from './gpt-neo.ts';
export {
  type AttentionReach,
  GPT_NEO_PRESETS,
  type GPTNeoConfig,
  gptNeoConfig,
  type GPTNeoOptions,
} from './gpt-neo-config.ts';
export { gptNeoConfigFromHuggingFace } from './gpt-neo-hf.ts';
export { LanguageModel, type LanguageModelOptions } from './language-model.ts';
export { SequenceClassifier } from './sequence-classifier.ts';
