import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import type { AlignedText } from '../text/aligned-text.ts';
import { ChangeWalker, type Change } from '../text/changes.ts';
import { utf8Length } from '../text/utf8.ts';
import { forEachGrapheme } from './graphemes.ts';
import type { Normalizer } from './normalizer.ts';

/** sentencepiece's compiled normalization table: a double array (Aoe 1989, in the layout of darts-clone) from byte strings to replacements. */
export function precompiledNormalizer(fields: Fields): Normalizer {
  const table = new CharacterMap(decodeBase64(fields.string('precompiled_charsmap'), fields.place), fields.place);
  return (text) => {
    const changes = new LateChanges(text);
    let modified = false;
    const replace = (old: string): boolean => {
      const replacement = table.find(old);
      if (replacement === undefined) return false;
      modified = true;
      pushReplacement(changes, [...old].length, [...replacement]);
      return true;
    };
    forEachGrapheme(text.text, (grapheme) => {
      if (byteLength(grapheme) < 6 && replace(grapheme)) return;
      for (const char of grapheme) if (!replace(char)) changes.push(char, 0);
    });
    return modified ? changes.build() : text;
  };
}

const encoder = new TextEncoder();

/** The new characters take the places of the old ones; those that are too many are added, those that are too few swallow the rest. */
function pushReplacement(changes: LateChanges, oldLength: number, replacement: readonly string[]): void {
  const surplus = replacement.length - oldLength;
  const inPlace = surplus > 0 ? replacement.slice(0, oldLength) : replacement;
  for (const char of inPlace) changes.push(char, 0);
  if (surplus > 1) changes.push(replacement.slice(oldLength, -1).join(''), 1);
  if (surplus > 0) changes.push(replacement.at(-1) ?? '', 1); // by itself, as it may swallow what follows
  if (surplus < 0) changes.swallow(-surplus);
}

/** Hands changes to a walker one late, so that the last one can still swallow what follows. */
class LateChanges {
  readonly #walker: ChangeWalker;
  #last: Change | undefined;

  constructor(text: AlignedText) {
    this.#walker = new ChangeWalker(text);
  }

  push(char: string, change: number): void {
    if (this.#last) this.#walker.push(this.#last);
    this.#last = { char, change };
  }

  swallow(count: number): void {
    if (this.#last) this.#last = { char: this.#last.char, change: this.#last.change - count };
  }

  build(): AlignedText {
    if (this.#last) this.#walker.push(this.#last);
    return this.#walker.build();
  }
}

class CharacterMap {
  readonly #units: Uint32Array;
  readonly #strings: Uint8Array; // replacements, each ends with a zero
  readonly #known = new Map<string, string | undefined>();
  readonly #place: string;

  constructor(bytes: Uint8Array, place: string) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length >= 4 ? view.getUint32(0, true) : 0;
    if (bytes.length < 4 || size % 4 !== 0 || 4 + size > bytes.length) {
      throw new TokenizerError('format', `${place}.precompiled_charsmap: the table is cut short`);
    }
    this.#units = Uint32Array.from({ length: size / 4 }, (_, index) => view.getUint32(4 + 4 * index, true));
    this.#strings = bytes.subarray(4 + size);
    this.#place = place;
  }

  /** The replacement of the shortest beginning of `text` that has one. */
  find(text: string): string | undefined {
    if (this.#known.has(text)) return this.#known.get(text);
    const found = this.#search(text);
    if (this.#known.size > 50_000) this.#known.clear();
    this.#known.set(text, found);
    return found;
  }

  #search(text: string): string | undefined {
    let node = offsetOf(this.#unit(0));
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = this.#unit(node);
      if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
      node ^= offsetOf(unit);
      if (unit & 0x100) return this.#stringAt(this.#unit(node) & 0x7fffffff);
    }
    return undefined;
  }

  #unit(index: number): number {
    const unit = this.#units[index];
    if (unit === undefined)
      throw new TokenizerError('format', `${this.#place}.precompiled_charsmap: points outside of the table`);
    return unit;
  }

  #stringAt(start: number): string {
    const end = this.#strings.indexOf(0, start);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
      this.#strings.subarray(start, end < 0 ? undefined : end),
    );
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function byteLength(text: string): number {
  let length = 0;
  for (const char of text) length += utf8Length(char.codePointAt(0) ?? 0);
  return length;
}

function decodeBase64(text: string, place: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw new TokenizerError('format', `${place}.precompiled_charsmap: not base64`, { cause });
  }
}
