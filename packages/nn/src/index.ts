export { checkConfig, checkNumParameters, configFields } from './config.ts';
export { Dropout } from './dropout.ts';
export { Embedding, type EmbeddingConfig } from './embedding.ts';
export { FeedForward, type FeedForwardConfig } from './feed-forward.ts';
export { type InitOptions, initStream } from './init.ts';
export { fanInUniform, type Initializer, normal, ones, xavierUniform, zeros } from './initializers.ts';
export { defaultLabels, labelsFromHuggingFace, labelsToHuggingFace } from './labels.ts';
export { Linear, type LinearAdapter, type LinearCallOptions, type LinearConfig } from './linear.ts';
export {
  answerLoss,
  type AnswerLogits,
  binaryCrossEntropy,
  classificationLoss,
  meanSquaredError,
  PROBLEM_TYPES,
  type ProblemType,
  problemTypeOf,
} from './losses.ts';
export { type AnyModule, Module, parameter } from './module.ts';
export { type NameRow, type StoredName, storedNames } from './name-table.ts';
export { activationFromHuggingFace, activationToHuggingFace } from './hf-activation.ts';
export { LayerNorm, type LayerNormCallOptions, type NormConfig, RMSNorm } from './norms.ts';
export {
  type LoadRequest,
  loadPretrained,
  type PretrainedFormat,
  PretrainedModel,
  type PretrainedOptions,
  type PretrainedOrigin,
  type SaveOptions,
} from './pretrained.ts';
export { loadModule, type LoadModuleOptions, saveModule } from './save-module.ts';
export { nextTokens, shiftRight } from './shift.ts';
