import { toByteLevel } from '../text/byte-level.ts';
import { utf8Length } from '../text/utf8.ts';
import type { Model, ModelTokens } from './model.ts';
import { WordCache } from './word-cache.ts';

/**
 * A model behind a byte-level mapping: takes words of plain text, so that the mapping runs once per distinct word,
 * and places tokens on the characters that their bytes touch.
 */
export class ByteLevelModel implements Model {
  readonly #inner: Model;
  readonly #cache = new WordCache();

  constructor(inner: Model) {
    this.#inner = inner;
  }

  get vocabSize(): number {
    return this.#inner.vocabSize;
  }

  tokenToId(token: string): number | undefined {
    return this.#inner.tokenToId(token);
  }

  idToToken(id: number): string | undefined {
    return this.#inner.idToToken(id);
  }

  tokenize(word: string): ModelTokens {
    return this.#cache.get(word, (missed) => this.#tokenize(missed));
  }

  #tokenize(word: string): ModelTokens {
    const mapped = toByteLevel(word);
    const found = this.#inner.tokenize(mapped);
    if (mapped.length === word.length) return found; // one byte each
    const begins = new Int32Array(mapped.length + 1); // begin of the character of each byte
    let byte = 0;
    for (let unit = 0; unit < word.length;) {
      const codePoint = word.codePointAt(unit) ?? 0;
      begins.fill(unit, byte, byte + utf8Length(codePoint));
      byte += utf8Length(codePoint);
      unit += codePoint > 0xffff ? 2 : 1;
    }
    begins[byte] = word.length;
    const endOf = (position: number): number => {
      let next = position; // the first byte of the next character
      while (next < mapped.length && next > 0 && begins[next] === begins[next - 1]) next++;
      return begins[next] ?? word.length;
    };
    return {
      ids: found.ids,
      tokens: found.tokens,
      starts: found.starts.map((start) => begins[start] ?? 0),
      ends: found.ends.map(endOf),
    };
  }
}
