import type { SequenceBias } from './processors/sequence-bias.ts';
import type { WatermarkingConfig } from './processors/watermark.ts';

/**
 * How to generate, as `generation_config.json` of Hugging Face says it; names in camelCase, defaults as there. The options marked "sampling"
 * and "beams" have no effect otherwise.
 */
export interface GenerationConfig {
  /** The most new tokens; default 20. */
  readonly maxNewTokens?: number | undefined;
  /** The most tokens, prompt included; where `maxNewTokens` isn't given. */
  readonly maxLength?: number | undefined;
  /** No end token before this many new tokens. */
  readonly minNewTokens?: number | undefined;
  /** No end token before this many tokens, prompt included; where `minNewTokens` isn't given. */
  readonly minLength?: number | undefined;
  /** Stop after this many seconds. */
  readonly maxTime?: number | undefined;
  /** Stop once the text ends a string of these; needs a `tokenizer`. The string stays in the result. */
  readonly stopStrings?: string | readonly string[] | undefined;

  /** Whether to draw tokens by their probability or take the likeliest. Default: true if an option for sampling is given to the call itself, else false. */
  readonly doSample?: boolean | undefined;
  /** Sampling: below 1 sharpens the distribution, above 1 flattens it; default 1. */
  readonly temperature?: number | undefined;
  /** Sampling: only the likeliest tokens, this many; default 50, 0 = all. */
  readonly topK?: number | undefined;
  /** Sampling: only the likeliest tokens that have this probability together; default 1. */
  readonly topP?: number | undefined;
  /** Sampling: only tokens with at least this share of the probability of the likeliest. */
  readonly minP?: number | undefined;
  /** Sampling: only the likeliest tokens that have this share of the entropy together. */
  readonly topH?: number | undefined;
  /** Sampling: only the most typical tokens that have this probability together; default 1. */
  readonly typicalP?: number | undefined;
  /** Sampling: only tokens of at least this probability; default 0. */
  readonly epsilonCutoff?: number | undefined;
  /** Sampling: as `epsilonCutoff`, lower where the distribution is flat; default 0. */
  readonly etaCutoff?: number | undefined;

  /** Above 1 follows the prompt more closely, by what the model would write without it; twice the work. Default 1, off. */
  readonly guidanceScale?: number | undefined;
  /** Above 1 makes tokens that stand in the text less likely; default 1. */
  readonly repetitionPenalty?: number | undefined;
  /** Above 1 makes tokens of the encoder's input likelier; default 1. */
  readonly encoderRepetitionPenalty?: number | undefined;
  /** No run of this many tokens twice; default 0, off. */
  readonly noRepeatNgramSize?: number | undefined;
  /** No run of this many tokens of the encoder's input; default 0, off. */
  readonly encoderNoRepeatNgramSize?: number | undefined;
  /** Sequences of tokens that may not come up. */
  readonly badWordsIds?: readonly (readonly number[])[] | undefined;
  /** Sequences of tokens and what is added to the logit of their last one. */
  readonly sequenceBias?: SequenceBias | undefined;
  /** Tokens that may not come up. */
  readonly suppressTokens?: readonly number[] | undefined;
  /** Tokens that may not come first. */
  readonly beginSuppressTokens?: readonly number[] | undefined;
  /** The token that has to follow the start token. */
  readonly forcedBosTokenId?: number | undefined;
  /** The token, or one of the tokens, that has to come last when the most tokens are reached. */
  readonly forcedEosTokenId?: number | readonly number[] | undefined;
  /** After how many new tokens the end tokens become likelier, and by what factor a step. */
  readonly exponentialDecayLengthPenalty?: readonly [start: number, factor: number] | undefined;
  /** Whether to replace NaN and infinite logits by finite numbers; default false. */
  readonly removeInvalidValues?: boolean | undefined;
  /** Whether the processed logits become logarithms of probabilities again; matters for beams. Default false. */
  readonly renormalizeLogits?: boolean | undefined;
  /** Marks the text. */
  readonly watermarkingConfig?: WatermarkingConfig | undefined;

  /** How many beams to search with; default 1, no beam search. */
  readonly numBeams?: number | undefined;
  /** How many results for each prompt; default 1. */
  readonly numReturnSequences?: number | undefined;
  /** Beams: scores are divided by `length ** lengthPenalty`; default 1. */
  readonly lengthPenalty?: number | undefined;
  /** Beams: stop at `numBeams` finished ones (true), when better ones are unlikely (false, default), or impossible ('never'). */
  readonly earlyStopping?: boolean | 'never' | undefined;

  /** With an `assistant`: how many tokens it drafts at a time; default 20. */
  readonly numAssistantTokens?: number | undefined;
  /** With an `assistant`: a draft ends before a token that it gives less probability; default 0.4. */
  readonly assistantConfidenceThreshold?: number | undefined;
  /** Drafts up to this many tokens by looking up what followed the last words earlier in the text; default 0, off. */
  readonly promptLookupNumTokens?: number | undefined;
  /** The most tokens that such a lookup matches; default 2. */
  readonly maxMatchingNgramSize?: number | undefined;

  /** Whether keys and values are kept from step to step; default true. */
  readonly useCache?: boolean | undefined;
  /** The token, or the tokens, that end a text. */
  readonly eosTokenId?: number | readonly number[] | undefined;
  /** Fills the rows of a batch that end earlier; default the first end token. */
  readonly padTokenId?: number | undefined;
  readonly bosTokenId?: number | undefined;
  readonly decoderStartTokenId?: number | undefined;
}
