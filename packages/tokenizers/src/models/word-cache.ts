import type { ModelTokens } from './model.ts';

const maxWordLength = 256;
const maxWords = 100_000;

/** Remembers the tokens of words that were seen before; forgets all when full. */
export class WordCache {
  readonly #words = new Map<string, ModelTokens>();

  /** The tokens of `word`, computed at most once while it stays cached. */
  get(word: string, compute: (word: string) => ModelTokens): ModelTokens {
    const known = this.#words.get(word);
    if (known) return known;
    const tokens = compute(word);
    if (word.length <= maxWordLength) {
      if (this.#words.size >= maxWords) this.#words.clear();
      this.#words.set(word, tokens);
    }
    return tokens;
  }
}
