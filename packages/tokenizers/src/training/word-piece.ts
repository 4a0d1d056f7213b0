import { TokenizerError } from '../errors.ts';
import { Tokenizer } from '../tokenizer.ts';
import { countWords, type Pipeline } from './count-words.ts';
import { learnMerges } from './merge-trainer.ts';
import { addedTokensOf, configOf, type SpecialTokenRoles } from './special-tokens.ts';

/** How a WordPiece tokenizer is trained. */
export interface TrainWordPieceOptions extends SpecialTokenRoles {
  /** How many tokens at most, special tokens included. */
  readonly vocabSize: number;
  /** Pairs that are rarer are not merged; 2 by default. */
  readonly minFrequency?: number;
  /** Get the first ids; `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]` by default. */
  readonly specialTokens?: readonly string[];
  readonly modelMaxLength?: number;
  /** Lower case and no accents, as in uncased BERT; true by default. */
  readonly lowercase?: boolean;
  /** Normalizer, pre-tokenizer, post-processor and decoder as in tokenizer.json; BERT's by default. */
  readonly pipeline?: Pipeline;
  readonly initialAlphabet?: readonly string[];
  /** Keep only this many characters, the most frequent ones; 1,000 by default. */
  readonly limitAlphabet?: number;
  /** Stands before pieces that do not begin a word; `##` by default. */
  readonly continuingPrefix?: string;
}

const bertTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

/**
 * Trains WordPiece, BERT's kind of tokenizer unless `pipeline` says otherwise. The vocabulary is learned by byte-pair merges, as the tokenizers
 * library does it, with its order of hashing replaced by the order of code points.
 */
export function trainWordPiece(texts: Iterable<string>, options: TrainWordPieceOptions): Tokenizer {
  const {
    vocabSize,
    minFrequency = 2,
    limitAlphabet = 1000,
    continuingPrefix = '##',
    initialAlphabet = [],
    modelMaxLength,
  } = options;
  const specialTokens = [...new Set(options.specialTokens ?? bertTokens)];
  const bertRoles = { padToken: '[PAD]', unkToken: '[UNK]', clsToken: '[CLS]', sepToken: '[SEP]', maskToken: '[MASK]' };
  const roles = options.specialTokens ? options : { ...bertRoles, ...options };
  const { unkToken, clsToken, sepToken } = roles;
  if (unkToken === undefined || !specialTokens.includes(unkToken)) {
    throw new TokenizerError('argument', 'trainWordPiece: unkToken must be one of specialTokens');
  }
  const idOf = (token: string): number => specialTokens.indexOf(token);
  const pipeline = options.pipeline ?? {
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: options.lowercase ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor:
      clsToken !== undefined && sepToken !== undefined
        ? bertTemplate([clsToken, idOf(clsToken)], [sepToken, idOf(sepToken)])
        : null,
    decoder: { type: 'WordPiece', prefix: continuingPrefix, cleanup: true },
  };
  const { tokens } = learnMerges(countWords(texts, pipeline), {
    vocabSize,
    minFrequency,
    specialTokens,
    initialAlphabet,
    limitAlphabet,
    continuingPrefix,
  });
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokensOf(specialTokens, idOf),
    normalizer: pipeline.normalizer ?? null,
    pre_tokenizer: pipeline.pre_tokenizer ?? null,
    post_processor: pipeline.post_processor ?? null,
    decoder: pipeline.decoder ?? null,
    model: {
      type: 'WordPiece',
      unk_token: unkToken,
      continuing_subword_prefix: continuingPrefix,
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  };
  return Tokenizer.fromJson(json, configOf(roles, modelMaxLength));
}

function bertTemplate([cls, clsId]: [string, number], [sep, sepId]: [string, number]): object {
  const special = (id: string, typeId: number): object => ({ SpecialToken: { id, type_id: typeId } });
  const text = (id: 'A' | 'B', typeId: number): object => ({ Sequence: { id, type_id: typeId } });
  return {
    type: 'TemplateProcessing',
    single: [special(cls, 0), text('A', 0), special(sep, 0)],
    pair: [special(cls, 0), text('A', 0), special(sep, 0), text('B', 1), special(sep, 1)],
    special_tokens: {
      [cls]: { id: cls, ids: [clsId], tokens: [cls] },
      [sep]: { id: sep, ids: [sepId], tokens: [sep] },
    },
  };
}
