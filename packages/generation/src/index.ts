export { GenerationError } from './errors.ts';
export { generate, type GenerateResult } from './generate.ts';
export type { GenerationConfig } from './generation-config.ts';
export type {
  CausalLanguageModel,
  DecoderCallOptions,
  EncodedCallOptions,
  EncoderDecoderLanguageModel,
  GenerationTokenizer,
  LanguageModel,
  TextDecoder,
} from './model.ts';
export type { GenerateOptions } from './options.ts';
export { parseGenerationConfig } from './parse-generation-config.ts';
export {
  forcedBOSTokenLogitsProcessor,
  forcedEOSTokenLogitsProcessor,
  minLengthLogitsProcessor,
  minNewTokensLengthLogitsProcessor,
  type PrefixAllowedTokens,
  prefixConstrainedLogitsProcessor,
  suppressTokensAtBeginLogitsProcessor,
  suppressTokensLogitsProcessor,
} from './processors/constraints.ts';
export type { LogitsProcessor, TokenIds, TruncationOptions } from './processors/logits-processor.ts';
export {
  encoderRepetitionPenaltyLogitsProcessor,
  exponentialDecayLengthPenalty,
  repetitionPenaltyLogitsProcessor,
} from './processors/penalties.ts';
export { encoderNoRepeatNGramLogitsProcessor, noRepeatNGramLogitsProcessor } from './processors/repetition.ts';
export { infNanRemoveLogitsProcessor, logitNormalization, temperatureLogitsWarper } from './processors/scaling.ts';
export {
  noBadWordsLogitsProcessor,
  type SequenceBias,
  sequenceBiasLogitsProcessor,
} from './processors/sequence-bias.ts';
export {
  epsilonLogitsWarper,
  etaLogitsWarper,
  minPLogitsWarper,
  topHLogitsWarper,
  topKLogitsWarper,
  topPLogitsWarper,
  typicalLogitsWarper,
} from './processors/truncation.ts';
export { type WatermarkingConfig, watermarkLogitsProcessor } from './processors/watermark.ts';
export type { Prompts } from './prompts.ts';
export type { GeneratedToken } from './sample.ts';
export type { StopReason } from './stop-reason.ts';
export { streamText, streamTexts, type StreamTextOptions, streamTokens, type TextPiece } from './stream.ts';
export { type RowSelectable, TokenCache } from './token-cache.ts';
