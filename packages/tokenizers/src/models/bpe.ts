import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { utf8Length } from '../text/utf8.ts';
import { MergeList, readMerges, type MergeRules } from './merges.ts';
import { wholeWord, type Model, type ModelTokens } from './model.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';
import { WordCache } from './word-cache.ts';

/** What a BPE model is made of. */
export interface BpeOptions {
  readonly vocabulary: Vocabulary;
  readonly merges: MergeRules;
  readonly unknownToken?: string | undefined;
  readonly continuingPrefix?: string | undefined;
  readonly wordEndSuffix?: string | undefined;
  /** Join neighbouring unknown characters to one unknown token. */
  readonly fuseUnknown?: boolean;
  /** Spell unknown characters as `<0xE2>` tokens, where the vocabulary has them all. */
  readonly byteFallback?: boolean;
  /** A word that is in the vocabulary is one token, whatever the merges say. */
  readonly ignoreMerges?: boolean;
}

/**
 * Byte-pair encoding: starts from characters and applies the earliest learned merge until none applies.
 * Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), algorithm 1; here with a heap, O(n log n).
 */
export class BpeModel implements Model {
  readonly #options: BpeOptions;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #cache = new WordCache();
  readonly #list: MergeList;
  readonly #characterIds = new Map<number, number>(); // by code point, for characters without affix; -1 for unknown ones
  readonly #byteIds = new Map<number, readonly number[] | undefined>(); // of the bytes of unknown characters without affix

  constructor(options: BpeOptions) {
    this.#options = options;
    this.#ids = options.vocabulary.ids;
    this.#list = new MergeList(options.merges);
  }

  static read(fields: Fields): BpeModel {
    const dropout = fields.get('dropout');
    if (dropout !== null && dropout !== undefined && dropout !== 0) {
      throw new TokenizerError(
        'unsupported',
        `${fields.place}.dropout: random merges are not supported, got ${JSON.stringify(dropout)}`,
      );
    }
    const vocabulary = readVocabulary(fields.get('vocab'), `${fields.place}.vocab`);
    const continuingPrefix = fields.optionalString('continuing_subword_prefix');
    return new BpeModel({
      vocabulary,
      merges: readMerges(fields.array('merges'), {
        vocabulary,
        prefixLength: continuingPrefix?.length ?? 0,
        place: `${fields.place}.merges`,
      }),
      unknownToken: fields.optionalString('unk_token'),
      continuingPrefix,
      wordEndSuffix: fields.optionalString('end_of_word_suffix'),
      fuseUnknown: fields.boolean('fuse_unk', false),
      byteFallback: fields.boolean('byte_fallback', false),
      ignoreMerges: fields.boolean('ignore_merges', false),
    });
  }

  get vocabSize(): number {
    return this.#ids.size;
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.#options.vocabulary.tokens[id];
  }

  tokenize(word: string): ModelTokens {
    return this.#cache.get(word, (missed) => this.#tokenize(missed));
  }

  #tokenize(word: string): ModelTokens {
    const whole = this.#options.ignoreMerges ? this.#ids.get(word) : undefined;
    if (whole !== undefined) return wholeWord(whole, word, word);
    const bytes = this.#spell(word);
    this.#list.mergeAll();
    return this.#collect(word, bytes);
  }

  /** Fills the list with one symbol per character, byte or run of unknown characters; returns the length of the word in bytes. */
  #spell(word: string): number {
    const { continuingPrefix, wordEndSuffix, fuseUnknown = false, byteFallback = false, unknownToken } = this.#options;
    const list = this.#list;
    list.clear();
    let bytes = 0;
    let unknownBytes = 0; // of the unknown token that is not in the list yet
    let index = 0;
    while (index < word.length) {
      const codePoint = word.codePointAt(index) ?? 0;
      const next = index + (codePoint > 0xffff ? 2 : 1);
      const prefix = index > 0 ? continuingPrefix : undefined;
      const suffix = next === word.length ? wordEndSuffix : undefined;
      const piece =
        prefix === undefined && suffix === undefined
          ? codePoint
          : (prefix ?? '') + word.slice(index, next) + (suffix ?? '');
      const length = utf8Length(codePoint);
      bytes += length;
      index = next;

      const id = typeof piece === 'number' ? this.#characterId(piece) : (this.#ids.get(piece) ?? -1);
      if (id >= 0) {
        if (unknownBytes > 0) list.add(this.#unknownId(), unknownBytes);
        unknownBytes = 0;
        list.add(id, length);
      } else if (byteFallback && this.#spellBytes(piece)) {
        continue;
      } else if (unknownToken !== undefined) {
        if (unknownBytes > 0 && !fuseUnknown) {
          list.add(this.#unknownId(), unknownBytes);
          unknownBytes = 0;
        }
        unknownBytes += length;
        this.#unknownId();
      }
    }
    if (unknownBytes > 0) list.add(this.#unknownId(), unknownBytes);
    return bytes;
  }

  #characterId(codePoint: number): number {
    let id = this.#characterIds.get(codePoint);
    if (id === undefined)
      this.#characterIds.set(codePoint, (id = this.#ids.get(String.fromCodePoint(codePoint)) ?? -1));
    return id;
  }

  #spellBytes(piece: number | string): boolean {
    const known = typeof piece === 'number' && this.#byteIds.has(piece);
    const ids = known
      ? this.#byteIds.get(piece)
      : this.#findBytes(typeof piece === 'number' ? String.fromCodePoint(piece) : piece);
    if (typeof piece === 'number') this.#byteIds.set(piece, ids);
    for (const id of ids ?? []) this.#list.add(id, 1);
    return ids !== undefined;
  }

  #findBytes(piece: string): number[] | undefined {
    const ids: number[] = [];
    for (const byte of encoder.encode(piece)) {
      const id = this.#ids.get(byteToken(byte));
      if (id === undefined) return undefined;
      ids.push(id);
    }
    return ids;
  }

  #unknownId(): number {
    const token = this.#options.unknownToken ?? '';
    const id = this.#ids.get(token);
    if (id === undefined)
      throw new TokenizerError(
        'unknown-token',
        `BpeModel: the unknown token ${JSON.stringify(token)} is not in the vocabulary`,
      );
    return id;
  }

  /** Symbols count bytes; tokens get the characters that their bytes touch. */
  #collect(word: string, bytes: number): ModelTokens {
    const ids: number[] = [];
    const tokens: string[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    const cursor = new ByteCursor(word, bytes);
    let position = 0;
    this.#list.forEach((id, length) => {
      ids.push(id);
      tokens.push(this.#options.vocabulary.tokens[id] ?? '');
      starts.push(cursor.characterAt(position));
      position += length;
      ends.push(cursor.characterAfter(position));
    });
    return { ids, tokens, starts, ends };
  }
}

const encoder = new TextEncoder();

/** `<0x0A>`, the name of a byte in a vocabulary with byte fallback. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** Turns growing byte positions into UTF-16 positions on ends of characters. */
class ByteCursor {
  readonly #word: string;
  readonly #oneByteEach: boolean;
  #unit = 0; // begin of the current character
  #byte = 0;

  constructor(word: string, bytes: number) {
    this.#word = word;
    this.#oneByteEach = word.length === bytes;
  }

  /** Where the character that holds byte `position` begins. */
  characterAt(position: number): number {
    if (this.#oneByteEach) return Math.min(position, this.#word.length);
    while (this.#unit < this.#word.length && this.#byte + this.#size() <= position) this.#advance();
    return this.#unit;
  }

  /** Where the character that holds byte `position - 1` ends. */
  characterAfter(position: number): number {
    if (this.#oneByteEach) return Math.min(position, this.#word.length);
    const begin = this.characterAt(position - 1);
    return begin + ((this.#word.codePointAt(begin) ?? 0) > 0xffff ? 2 : begin < this.#word.length ? 1 : 0);
  }

  #size(): number {
    return utf8Length(this.#word.codePointAt(this.#unit) ?? 0);
  }

  #advance(): void {
    this.#byte += this.#size();
    this.#unit += (this.#word.codePointAt(this.#unit) ?? 0) > 0xffff ? 2 : 1;
  }
}
