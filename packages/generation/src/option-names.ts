import { GenerationError } from './errors.ts';
import type { GenerationConfig } from './generation-config.ts';
import type { GenerateOptions } from './options.ts';

type Names<T> = { readonly [Name in keyof Required<T>]: true };

const CONFIG_NAMES: Names<GenerationConfig> = {
  maxNewTokens: true,
  maxLength: true,
  minNewTokens: true,
  minLength: true,
  maxTime: true,
  stopStrings: true,
  doSample: true,
  temperature: true,
  topK: true,
  topP: true,
  minP: true,
  topH: true,
  typicalP: true,
  epsilonCutoff: true,
  etaCutoff: true,
  guidanceScale: true,
  repetitionPenalty: true,
  encoderRepetitionPenalty: true,
  noRepeatNgramSize: true,
  encoderNoRepeatNgramSize: true,
  badWordsIds: true,
  sequenceBias: true,
  suppressTokens: true,
  beginSuppressTokens: true,
  forcedBosTokenId: true,
  forcedEosTokenId: true,
  exponentialDecayLengthPenalty: true,
  removeInvalidValues: true,
  renormalizeLogits: true,
  watermarkingConfig: true,
  numBeams: true,
  numReturnSequences: true,
  lengthPenalty: true,
  earlyStopping: true,
  numAssistantTokens: true,
  assistantConfidenceThreshold: true,
  promptLookupNumTokens: true,
  maxMatchingNgramSize: true,
  useCache: true,
  eosTokenId: true,
  padTokenId: true,
  bosTokenId: true,
  decoderStartTokenId: true,
};

const OPTION_NAMES: Names<GenerateOptions> = {
  ...CONFIG_NAMES,
  generationConfig: true,
  seed: true,
  signal: true,
  cache: true,
  slide: true,
  assistant: true,
  tokenizer: true,
  attentionMask: true,
  negativePromptIds: true,
  decoderInputIds: true,
  encoderInputIds: true,
  prefixAllowedTokens: true,
  logitsProcessors: true,
};

/** Throws a {@link GenerationError} naming the first option, or part of its `generationConfig`, that there isn't. */
export function checkOptionNames({ generationConfig = {}, ...options }: GenerateOptions, where: string): void {
  checkNames(options, OPTION_NAMES, { where });
  checkNames(generationConfig, CONFIG_NAMES, { where: `${where}: generationConfig` });
}

function checkNames(given: object, names: Readonly<Record<string, true>>, { where }: { where: string }): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || Object.hasOwn(names, name)) continue;
    const meant = Object.keys(names).find((one) => isLike(one, name));
    throw new GenerationError(`${where}: there is no option ${name}${meant ? `; did you mean ${meant}?` : ''}`);
  }
}

/** Whether two names differ in case, underscores and a letter at the end at most. */
function isLike(name: string, other: string): boolean {
  const [one, two] = [name, other].map((text) => text.replaceAll('_', '').toLowerCase()) as [string, string];
  return one === two || one.slice(0, -1) === two || two.slice(0, -1) === one;
}
