export { GPT_PRESETS, type GPTConfig, gptConfig, type GPTOptions, type GPTPreset } from './config.ts';
export { gptConfigFromHuggingFace } from './hf.ts';
export { GPT, type LanguageModelOptions } from './language-model.ts';
export { type GPTCallOptions, GPTLayer, GPTModel } from './model.ts';
export { GPTForSequenceClassification } from './sequence-classifier.ts';
