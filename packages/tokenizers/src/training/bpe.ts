import { TokenizerError } from '../errors.ts';
import { byteToken } from '../models/bpe.ts';
import { byteLevelAlphabet } from '../text/byte-level.ts';
import { Tokenizer } from '../tokenizer.ts';
import { countWords, type Pipeline } from './count-words.ts';
import { learnMerges } from './merge-trainer.ts';
import { addedTokensOf, configOf, type SpecialTokenRoles } from './special-tokens.ts';

/** How a BPE tokenizer is trained. */
export interface TrainBpeOptions extends SpecialTokenRoles {
  /** How many tokens at most, special tokens included. */
  readonly vocabSize: number;
  /** Pairs that are rarer are not merged; 2 by default. */
  readonly minFrequency?: number;
  /** Get the first ids; `['<|endoftext|>']` by default, which then begins and ends texts. */
  readonly specialTokens?: readonly string[];
  readonly modelMaxLength?: number;
  /** Normalizer, pre-tokenizer, post-processor and decoder as in tokenizer.json; GPT-2's byte-level ones by default. */
  readonly pipeline?: Pipeline;
  /** Characters that are in the vocabulary whether seen or not; `bytes` are the 256 of byte-level pipelines, the default if the pipeline is GPT-2's. */
  readonly initialAlphabet?: readonly string[] | 'bytes';
  /** Keep only this many characters, the most frequent ones. */
  readonly limitAlphabet?: number;
  readonly continuingPrefix?: string;
  readonly wordEndSuffix?: string;
  readonly fuseUnknown?: boolean;
  /** Spell characters that are not in the vocabulary as `<0xE2>` tokens, which get the ids after the special tokens (as in Llama 2). */
  readonly byteFallback?: boolean;
  readonly ignoreMerges?: boolean;
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const gpt2Pipeline: Pipeline = {
  pre_tokenizer: byteLevel,
  post_processor: { ...byteLevel, trim_offsets: false },
  decoder: byteLevel,
};

/**
 * Trains byte-pair encoding, byte-level like GPT-2's unless `pipeline` says otherwise. The same texts and options give the same
 * vocabulary and merges as the tokenizers library's trainer.
 *
 * @example
 * const tokenizer = trainBpe([text], { vocabSize: 4096 });
 * await tokenizer.savePretrained('checkpoints/my-tokenizer');
 */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): Tokenizer {
  const {
    vocabSize,
    minFrequency = 2,
    pipeline = gpt2Pipeline,
    limitAlphabet,
    continuingPrefix,
    wordEndSuffix,
    modelMaxLength,
  } = options;
  if (!Number.isInteger(vocabSize) || vocabSize < 1)
    throw new TokenizerError('argument', `trainBpe: vocabSize must be a whole number above 0, got ${vocabSize}`);
  const specialTokens = options.specialTokens ?? ['<|endoftext|>'];
  const roles = options.specialTokens
    ? options
    : { bosToken: '<|endoftext|>', eosToken: '<|endoftext|>', unkToken: '<|endoftext|>', ...options };
  const alphabet = options.initialAlphabet ?? (pipeline === gpt2Pipeline ? 'bytes' : []);
  const byteTokens = options.byteFallback ? Array.from({ length: 256 }, (_, byte) => byteToken(byte)) : [];
  const { tokens, merges } = learnMerges(countWords(texts, pipeline), {
    vocabSize,
    minFrequency,
    specialTokens: [...specialTokens, ...byteTokens],
    initialAlphabet: alphabet === 'bytes' ? byteLevelAlphabet : alphabet,
    limitAlphabet,
    continuingPrefix,
    wordEndSuffix,
  });
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokensOf(specialTokens, (token) => ids.get(token) ?? 0),
    normalizer: pipeline.normalizer ?? null,
    pre_tokenizer: pipeline.pre_tokenizer ?? null,
    post_processor: pipeline.post_processor ?? null,
    decoder: pipeline.decoder ?? null,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: options.specialTokens ? (options.unkToken ?? null) : null,
      continuing_subword_prefix: continuingPrefix ?? null,
      end_of_word_suffix: wordEndSuffix ?? null,
      fuse_unk: options.fuseUnknown ?? false,
      byte_fallback: options.byteFallback ?? false,
      ignore_merges: options.ignoreMerges ?? false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  };
  return Tokenizer.fromJson(json, configOf(roles, modelMaxLength));
}
