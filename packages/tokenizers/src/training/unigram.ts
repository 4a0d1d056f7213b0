import { TokenizerError } from '../errors.ts';
import { Tokenizer } from '../tokenizer.ts';
import { countWords, type Pipeline } from './count-words.ts';
import { addedTokensOf, configOf, type SpecialTokenRoles } from './special-tokens.ts';
import { learnUnigram, type UnigramTrainerOptions } from './unigram-trainer.ts';

/** How a Unigram tokenizer is trained. */
export interface TrainUnigramOptions extends SpecialTokenRoles, Omit<UnigramTrainerOptions, 'size' | 'specialCount'> {
  /** How many tokens, special tokens included. */
  readonly vocabSize: number;
  /** Get the first ids; `<pad>`, `</s>` and `<unk>` by default, as in T5. */
  readonly specialTokens?: readonly string[];
  readonly modelMaxLength?: number;
  /** Normalizer, pre-tokenizer, post-processor and decoder as in tokenizer.json; T5's by default. */
  readonly pipeline?: Pipeline;
}

const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };

/**
 * Trains a unigram language model, T5's kind of tokenizer unless `pipeline` says otherwise. Vocabulary and scores are those of the tokenizers
 * library's trainer, with its order of hashing replaced by the order of code points.
 */
export function trainUnigram(texts: Iterable<string>, options: TrainUnigramOptions): Tokenizer {
  const specialTokens = [...new Set(options.specialTokens ?? ['<pad>', '</s>', '<unk>'])];
  const roles = options.specialTokens
    ? options
    : { padToken: '<pad>', eosToken: '</s>', unkToken: '<unk>', ...options };
  const pipeline = options.pipeline ?? t5Pipeline(specialTokens, roles.eosToken);
  const unknownId = roles.unkToken === undefined ? -1 : specialTokens.indexOf(roles.unkToken);
  if (unknownId < 0) throw new TokenizerError('argument', 'trainUnigram: unkToken must be one of specialTokens');
  const size = options.vocabSize - specialTokens.length;
  if (!Number.isInteger(size) || size < 1) {
    throw new TokenizerError(
      'argument',
      `trainUnigram: vocabSize must be a whole number above the ${specialTokens.length} special tokens, got ${options.vocabSize}`,
    );
  }
  const pieces = learnUnigram(countWords(texts, pipeline), { ...options, size, specialCount: specialTokens.length });
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokensOf(specialTokens, (token) => specialTokens.indexOf(token)),
    normalizer: pipeline.normalizer ?? null,
    pre_tokenizer: pipeline.pre_tokenizer ?? null,
    post_processor: pipeline.post_processor ?? null,
    decoder: pipeline.decoder ?? null,
    model: {
      type: 'Unigram',
      unk_id: unknownId,
      vocab: [...specialTokens.map((token) => [token, 0]), ...pieces],
      byte_fallback: false,
    },
  };
  return Tokenizer.fromJson(json, configOf(roles, options.modelMaxLength));
}

function t5Pipeline(specialTokens: readonly string[], eosToken: string | undefined): Pipeline {
  const normalizers = [
    { type: 'Nmt' },
    { type: 'NFKC' },
    { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
  ];
  const end = eosToken === undefined ? [] : [{ SpecialToken: { id: eosToken, type_id: 0 } }];
  const text = (id: 'A' | 'B'): object => ({ Sequence: { id, type_id: 0 } });
  return {
    normalizer: { type: 'Sequence', normalizers },
    pre_tokenizer: metaspace,
    post_processor: {
      type: 'TemplateProcessing',
      single: [text('A'), ...end],
      pair: [text('A'), ...end, text('B'), ...end],
      special_tokens:
        eosToken === undefined
          ? {}
          : { [eosToken]: { id: eosToken, ids: [specialTokens.indexOf(eosToken)], tokens: [eosToken] } },
    },
    decoder: metaspace,
  };
}
