import { TokenizerError } from './errors.ts';
import { Fields } from './fields.ts';
import { wholeWord } from './models/model.ts';
import type { Piece } from './pre-tokenizers/pre-tokenizer.ts';
import type { AlignedText } from './text/aligned-text.ts';
import { characterClass, space, wordCharacter } from './text/character-class.ts';

/** The most added tokens that a file may have. */
export const maxAddedTokens = 10_000;

/** A token that is found in the text before the model sees it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Only where no character of a word stands beside it. */
  readonly singleWord: boolean;
  /** Takes the white space on its left along. */
  readonly lstrip: boolean;
  /** Takes the white space on its right along. */
  readonly rstrip: boolean;
  /** Looked for in the normalized text, in its own normalized form. */
  readonly normalized: boolean;
  /** Left out when decoding without special tokens. */
  readonly special: boolean;
}

/** Reads the `added_tokens` section. */
export function readAddedTokens(list: readonly unknown[], place: string): AddedToken[] {
  if (list.length > maxAddedTokens)
    throw new TokenizerError('limit', `${place}: at most ${maxAddedTokens} added tokens, got ${list.length}`);
  return list.map((value, index) => {
    const fields = new Fields(value, `${place}[${index}]`);
    return {
      id: fields.count('id'),
      content: fields.string('content'),
      singleWord: fields.boolean('single_word'),
      lstrip: fields.boolean('lstrip'),
      rstrip: fields.boolean('rstrip'),
      normalized: fields.boolean('normalized'),
      special: fields.boolean('special'),
    };
  });
}

interface TrieNode {
  readonly children: Map<number, TrieNode>; // by UTF-16 unit
  token: AddedToken | undefined;
}

/** Finds added tokens in text: leftmost first, the longest of those that begin at one place. */
export class AddedTokenFinder {
  readonly #root: TrieNode = { children: new Map(), token: undefined };

  /** `patterns` are the tokens with the text to look for. */
  constructor(patterns: Iterable<readonly [pattern: string, token: AddedToken]>) {
    for (const [pattern, token] of patterns) {
      let node = this.#root;
      for (let index = 0; index < pattern.length; index++) {
        const unit = pattern.charCodeAt(index);
        let child = node.children.get(unit);
        if (!child) node.children.set(unit, (child = { children: new Map(), token: undefined }));
        node = child;
      }
      if (node !== this.#root) node.token = token;
    }
  }

  /** The text cut at added tokens. */
  split(text: AlignedText): Piece[] {
    const source = text.text;
    if (this.#root.children.size === 0) return [{ text }];
    const pieces: Piece[] = [];
    let last = 0;
    for (let from = 0; from < source.length;) {
      const match = this.#longestAt(source, from);
      if (!match) {
        from++;
        continue;
      }
      const { token, end } = match;
      if (!token.singleWord || standsAlone(source, from, end)) {
        const start = token.lstrip ? Math.max(spaceBefore(source, from), last) : from;
        const stop = token.rstrip ? spaceAfter(source, end) : end;
        if (last < start) pieces.push({ text: text.slice(last, start) });
        if (start < stop) {
          // else the token before took all of it along as white space
          const found = text.slice(start, stop);
          pieces.push({ text: found, found: wholeWord(token.id, found.text, found.text) });
          last = stop;
        }
      }
      from = end;
    }
    if (last < source.length) pieces.push({ text: text.slice(last, source.length) });
    return pieces;
  }

  #longestAt(text: string, start: number): { token: AddedToken; end: number } | undefined {
    let node = this.#root.children.get(text.charCodeAt(start));
    let best: { token: AddedToken; end: number } | undefined;
    for (let end = start + 1; node; end++) {
      if (node.token) best = { token: node.token, end };
      node = end < text.length ? node.children.get(text.charCodeAt(end)) : undefined;
    }
    return best;
  }
}

function standsAlone(text: string, start: number, end: number): boolean {
  return !hasClass(text, before(text, start), wordCharacter) && !hasClass(text, end, wordCharacter);
}

function spaceBefore(text: string, start: number): number {
  while (start > 0 && hasClass(text, start - 1, space)) start--;
  return start;
}

function spaceAfter(text: string, end: number): number {
  while (hasClass(text, end, space)) end++;
  return end;
}

/** Where the character before `index` begins; -1 at the beginning. */
function before(text: string, index: number): number {
  return index > 1 && (text.codePointAt(index - 2) ?? 0) > 0xffff ? index - 2 : index - 1;
}

function hasClass(text: string, index: number, bits: number): boolean {
  return index >= 0 && index < text.length && (characterClass(text.codePointAt(index) ?? 0) & bits) !== 0;
}
