/** The tokens of one word: ids, their strings, and where each lies in the word (UTF-16 units). */
export interface ModelTokens {
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Cuts words into tokens of a vocabulary. */
export interface Model {
  readonly vocabSize: number;
  tokenize(word: string): ModelTokens;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
}

/** One token that covers the whole word. */
export function wholeWord(id: number, token: string, word: string): ModelTokens {
  return { ids: [id], tokens: [token], starts: [0], ends: [word.length] };
}
