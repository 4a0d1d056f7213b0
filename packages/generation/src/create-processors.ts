import type { DecoderRow } from './decoder.ts';
import { demand } from './errors.ts';
import {
  forcedBOSTokenLogitsProcessor,
  forcedEOSTokenLogitsProcessor,
  minLengthLogitsProcessor,
  minNewTokensLengthLogitsProcessor,
  prefixConstrainedLogitsProcessor,
  suppressTokensAtBeginLogitsProcessor,
  suppressTokensLogitsProcessor,
} from './processors/constraints.ts';
import type { LogitsProcessor } from './processors/logits-processor.ts';
import {
  encoderRepetitionPenaltyLogitsProcessor,
  exponentialDecayLengthPenalty,
  repetitionPenaltyLogitsProcessor,
} from './processors/penalties.ts';
import { encoderNoRepeatNGramLogitsProcessor, noRepeatNGramLogitsProcessor } from './processors/repetition.ts';
import { infNanRemoveLogitsProcessor, logitNormalization, temperatureLogitsWarper } from './processors/scaling.ts';
import { noBadWordsLogitsProcessor, sequenceBiasLogitsProcessor } from './processors/sequence-bias.ts';
import {
  epsilonLogitsWarper,
  etaLogitsWarper,
  minPLogitsWarper,
  topHLogitsWarper,
  topKLogitsWarper,
  topPLogitsWarper,
  typicalLogitsWarper,
} from './processors/truncation.ts';
import { watermarkLogitsProcessor } from './processors/watermark.ts';
import type { Settings } from './settings.ts';

/** The facts about a row that processors need. */
export interface RowFacts {
  readonly prompt: DecoderRow;
  /** The number of the prompt in its batch. */
  readonly index: number;
  /** How many new tokens it may get. */
  readonly limit: number;
  readonly vocabSize: number;
}

/** The processors that the settings ask for, in the order of Hugging Face. */
export function createProcessors(settings: Settings, row: RowFacts): LogitsProcessor[] {
  const processors = [...builtIn(settings, row), ...(settings.logitsProcessors ?? [])];
  if (settings.doSample) processors.push(...warpers(settings));
  const { watermarkingConfig, renormalizeLogits } = settings;
  if (watermarkingConfig)
    processors.push(watermarkLogitsProcessor({ ...watermarkingConfig, vocabSize: row.vocabSize }));
  if (renormalizeLogits) processors.push(logitNormalization());
  return processors;
}

function* builtIn(settings: Settings, { prompt, index, limit }: RowFacts): Generator<LogitsProcessor> {
  const { eosTokenIds: eosTokenId, numBeams } = settings;
  const { sequenceBias, badWordsIds, prefixAllowedTokens, removeInvalidValues, suppressTokens } = settings;
  const {
    repetitionPenalty = 1,
    noRepeatNgramSize = 0,
    encoderRepetitionPenalty = 1,
    encoderNoRepeatNgramSize = 0,
  } = settings;
  const { minNewTokens = 0, forcedBosTokenId, forcedEosTokenId } = settings;
  const { minLength = 0 } = settings.minNewTokens === undefined ? settings : {}; // where both are given, minNewTokens counts alone
  const { exponentialDecayLengthPenalty: decay, beginSuppressTokens } = settings;
  const encoderInputIds = settings.encoderInputIds?.[index];
  const promptLength = prompt.ids.length;
  const hasEnd = eosTokenId.length > 0;

  if (sequenceBias) yield sequenceBiasLogitsProcessor({ sequenceBias });
  if (encoderInputIds && encoderRepetitionPenalty !== 1) {
    yield encoderRepetitionPenaltyLogitsProcessor({ penalty: encoderRepetitionPenalty, encoderInputIds });
  }
  if (repetitionPenalty !== 1)
    yield repetitionPenaltyLogitsProcessor({ penalty: repetitionPenalty, promptIgnoreLength: prompt.padding });
  if (noRepeatNgramSize !== 0) yield noRepeatNGramLogitsProcessor({ ngramSize: noRepeatNgramSize });
  if (encoderInputIds && encoderNoRepeatNgramSize !== 0) {
    yield encoderNoRepeatNGramLogitsProcessor({ encoderNgramSize: encoderNoRepeatNgramSize, encoderInputIds });
  }
  if (badWordsIds) yield noBadWordsLogitsProcessor({ badWordsIds, eosTokenId });
  if (hasEnd && minLength !== 0) yield minLengthLogitsProcessor({ minLength, eosTokenId });
  if (hasEnd && minNewTokens !== 0)
    yield minNewTokensLengthLogitsProcessor({ promptLengthToSkip: promptLength, minNewTokens, eosTokenId });
  if (prefixAllowedTokens) yield prefixConstrainedLogitsProcessor({ prefixAllowedTokens, prompt: index, numBeams });
  if (forcedBosTokenId !== undefined) yield forcedBOSTokenLogitsProcessor({ bosTokenId: forcedBosTokenId });
  if (forcedEosTokenId !== undefined)
    yield forcedEOSTokenLogitsProcessor({ maxLength: promptLength + limit, eosTokenId: forcedEosTokenId });
  if (removeInvalidValues) yield infNanRemoveLogitsProcessor();
  if (decay) {
    demand(hasEnd, { where: 'exponentialDecayLengthPenalty', name: 'eosTokenId', wanted: 'given', got: undefined });
    yield exponentialDecayLengthPenalty({
      exponentialDecayLengthPenalty: decay,
      eosTokenId,
      inputIdsSeqLength: promptLength,
    });
  }
  if (suppressTokens) yield suppressTokensLogitsProcessor({ suppressTokens });
  if (beginSuppressTokens) {
    const beginIndex = promptLength > 1 || forcedBosTokenId === undefined ? promptLength : promptLength + 1;
    yield suppressTokensAtBeginLogitsProcessor({ beginSuppressTokens, beginIndex });
  }
}

function* warpers(settings: Settings): Generator<LogitsProcessor> {
  const { temperature = 1, topK, topP = 1, minP, topH, typicalP = 1, epsilonCutoff = 0, etaCutoff = 0 } = settings;
  // Beams that all draw an end token must leave one that doesn't.
  const minTokensToKeep = settings.numBeams > 1 ? Math.max(settings.eosTokenIds.length, 1) + 1 : 1;
  if (temperature !== 1) yield temperatureLogitsWarper({ temperature });
  if (topH !== undefined) yield topHLogitsWarper({ topH });
  if (topK !== 0) yield topKLogitsWarper({ topK, minTokensToKeep });
  if (topP !== 1) yield topPLogitsWarper({ topP, minTokensToKeep });
  if (minP !== undefined) yield minPLogitsWarper({ minP, minTokensToKeep });
  if (typicalP !== 1) yield typicalLogitsWarper({ mass: typicalP, minTokensToKeep });
  if (epsilonCutoff !== 0) yield epsilonLogitsWarper({ epsilon: epsilonCutoff, minTokensToKeep });
  if (etaCutoff !== 0) yield etaLogitsWarper({ epsilon: etaCutoff, minTokensToKeep });
}
