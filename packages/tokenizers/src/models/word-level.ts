import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { wholeWord, type Model, type ModelTokens } from './model.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';

/** Whole words (or characters, if the pre-tokenizer cuts so small) looked up in the vocabulary. */
export class WordLevelModel implements Model {
  readonly #vocabulary: Vocabulary;
  readonly #unknownToken: string;

  constructor(vocabulary: Vocabulary, unknownToken: string) {
    this.#vocabulary = vocabulary;
    this.#unknownToken = unknownToken;
  }

  static read(fields: Fields): WordLevelModel {
    return new WordLevelModel(readVocabulary(fields.get('vocab'), `${fields.place}.vocab`), fields.string('unk_token'));
  }

  get vocabSize(): number {
    return this.#vocabulary.ids.size;
  }

  tokenToId(token: string): number | undefined {
    return this.#vocabulary.ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.#vocabulary.tokens[id];
  }

  tokenize(word: string): ModelTokens {
    const id = this.#vocabulary.ids.get(word);
    if (id !== undefined) return wholeWord(id, word, word);
    const unknown = this.#vocabulary.ids.get(this.#unknownToken);
    if (unknown === undefined) {
      throw new TokenizerError(
        'unknown-token',
        `WordLevelModel: ${JSON.stringify(word)} is not in the vocabulary, and there is no unknown token`,
      );
    }
    return wholeWord(unknown, this.#unknownToken, word);
  }
}
