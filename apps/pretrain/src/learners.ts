import { UsageError } from '@formers/cli';
import { Tokenizer, trainBpe, trainUnigram, trainWordPiece } from '@formers/tokenizers';

/** A learner of tokenizers: texts to a tokenizer of at most so many tokens. */
export type Learner = (texts: readonly string[], vocabSize: number) => Tokenizer;

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** BERT's kind: WordPiece, lower case. */
export const learnWordPiece: Learner = (texts, vocabSize) => trainWordPiece(texts, { vocabSize });

/** RoBERTa's and BART's kind: byte-level pairs, `<s>` and `</s>` around texts, a mask that takes the space before it. */
export const learnBytePairs: Learner = (texts, vocabSize) => {
  const specialTokens = ['<s>', '<pad>', '</s>', '<unk>', '<mask>'];
  const learnt = trainBpe(texts, {
    vocabSize,
    specialTokens,
    initialAlphabet: 'bytes',
    pipeline: {
      pre_tokenizer: byteLevel,
      post_processor: {
        type: 'RobertaProcessing',
        sep: ['</s>', 2],
        cls: ['<s>', 0],
        trim_offsets: true,
        add_prefix_space: false,
      },
      decoder: byteLevel,
    },
    bosToken: '<s>',
    eosToken: '</s>',
    unkToken: '<unk>',
    sepToken: '</s>',
    padToken: '<pad>',
    clsToken: '<s>',
    maskToken: '<mask>',
  });
  const json = structuredClone(learnt.toJson()) as { added_tokens: { content: string; lstrip: boolean }[] };
  for (const token of json.added_tokens) token.lstrip = token.content === '<mask>';
  return Tokenizer.fromJson(json, learnt.config.toJson());
};

/** T5's kind: a unigram language model with a hundred sentinels. */
export const learnUnigram: Learner = (texts, vocabSize) => {
  const sentinels = Array.from({ length: 100 }, (_, i) => `<extra_id_${i}>`);
  return trainUnigram(texts, {
    vocabSize,
    specialTokens: ['<pad>', '</s>', '<unk>', ...sentinels],
    padToken: '<pad>',
    eosToken: '</s>',
    unkToken: '<unk>',
  });
};

/** The special tokens of tokenizers for pairs, by their ids: as the Transformer has them. */
const PAIR_TOKENS = ['<pad>', '<s>', '</s>', '<unk>'] as const;
const PAIR_ROLES = { padToken: '<pad>', bosToken: '<s>', eosToken: '</s>', unkToken: '<unk>' } as const;

const endPiece = { SpecialToken: { id: '</s>', type_id: 0 } };
const textPiece = (id: 'A' | 'B'): object => ({ Sequence: { id, type_id: 0 } });
const endTemplate = {
  type: 'TemplateProcessing',
  single: [textPiece('A'), endPiece],
  pair: [textPiece('A'), endPiece, textPiece('B'), endPiece],
  special_tokens: { '</s>': { id: '</s>', ids: [2], tokens: ['</s>'] } },
};

/** Byte-level pairs for both sides of pairs of texts; `</s>` ends each. */
export const learnPairBytes: Learner = (texts, vocabSize) => {
  return trainBpe(texts, {
    vocabSize,
    specialTokens: PAIR_TOKENS,
    initialAlphabet: 'bytes',
    pipeline: { pre_tokenizer: byteLevel, post_processor: endTemplate, decoder: byteLevel },
    ...PAIR_ROLES,
  });
};

/** The words between spaces, for languages with few of them, such as letters and phonemes; `</s>` ends each text. */
export const learnWords: Learner = (texts) => {
  const words = [...new Set(texts.flatMap((text) => text.split(/\s+/).filter((word) => word !== '')))].toSorted();
  if (words.length > 100_000)
    throw new UsageError(`--tokenizer words: there are ${words.length} words, more than 100000; use bpe`);
  const tokens = [...PAIR_TOKENS, ...words.filter((word) => !(PAIR_TOKENS as readonly string[]).includes(word))];
  const ids = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const added = PAIR_TOKENS.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: endTemplate,
    decoder: null,
    model: { type: 'WordLevel', vocab: ids, unk_token: '<unk>' },
  };
  return Tokenizer.fromJson(json, { pad_token: '<pad>', bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' });
};
