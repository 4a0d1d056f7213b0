import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { wholeWord, type Model, type ModelTokens } from './model.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';
import { WordCache } from './word-cache.ts';

/** What a WordPiece model is made of. */
export interface WordPieceOptions {
  readonly vocabulary: Vocabulary;
  readonly unknownToken: string;
  /** Stands before pieces that do not begin a word. */
  readonly continuingPrefix: string;
  /** Words with more characters are unknown. */
  readonly maxWordLength: number;
}

/**
 * WordPiece: from the left, always the longest piece of the vocabulary; a word that can't be covered is one unknown token.
 * Wu et al., "Google's Neural Machine Translation System" (2016), section 4.1; the greedy match is BERT's.
 */
export class WordPieceModel implements Model {
  readonly #options: WordPieceOptions;
  readonly #longest: number;
  readonly #cache = new WordCache();

  constructor(options: WordPieceOptions) {
    this.#options = options;
    this.#longest = [...options.vocabulary.ids.keys()].reduce((longest, token) => Math.max(longest, token.length), 0);
  }

  static read(fields: Fields): WordPieceModel {
    return new WordPieceModel({
      vocabulary: readVocabulary(fields.get('vocab'), `${fields.place}.vocab`),
      unknownToken: fields.string('unk_token'),
      continuingPrefix: fields.string('continuing_subword_prefix'),
      maxWordLength: fields.count('max_input_chars_per_word'),
    });
  }

  get vocabSize(): number {
    return this.#options.vocabulary.ids.size;
  }

  tokenToId(token: string): number | undefined {
    return this.#options.vocabulary.ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.#options.vocabulary.tokens[id];
  }

  tokenize(word: string): ModelTokens {
    return this.#cache.get(word, (missed) => this.#tokenize(missed));
  }

  #tokenize(word: string): ModelTokens {
    const { vocabulary, continuingPrefix, maxWordLength } = this.#options;
    if (word.length > maxWordLength && [...word].length > maxWordLength) return this.#unknown(word);
    const found = { ids: [] as number[], tokens: [] as string[], starts: [] as number[], ends: [] as number[] };
    for (let start = 0; start < word.length;) {
      const prefix = start > 0 ? continuingPrefix : '';
      let end = Math.min(word.length, start + this.#longest);
      let id: number | undefined;
      for (; end > start; end--) {
        id = vocabulary.ids.get(prefix + word.slice(start, end));
        if (id !== undefined) break;
      }
      if (id === undefined) return this.#unknown(word);
      found.ids.push(id);
      found.tokens.push(prefix + word.slice(start, end));
      found.starts.push(start);
      found.ends.push(end);
      start = end;
    }
    return found;
  }

  #unknown(word: string): ModelTokens {
    const { vocabulary, unknownToken } = this.#options;
    const id = vocabulary.ids.get(unknownToken);
    if (id === undefined) {
      throw new TokenizerError(
        'unknown-token',
        `WordPieceModel: the unknown token ${JSON.stringify(unknownToken)} is not in the vocabulary`,
      );
    }
    return wholeWord(id, unknownToken, word);
  }
}
