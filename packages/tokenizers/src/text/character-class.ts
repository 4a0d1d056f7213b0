import {
  addedMarks,
  addedNonspacing,
  addedPunctuation,
  addedSinceUnicode16,
  addedFormats,
  inRanges,
  type Ranges,
} from './unicode-versions.ts';

/** `\p{L}`. */
export const letter = 1;
/** `\p{N}`. */
export const number = 2;
/** White space. */
export const space = 4;
/** A character of words: `\w`. */
export const wordCharacter = 8;
/** Punctuation as BERT counts it: every ASCII symbol and `\p{P}`. */
export const punctuation = 16;
/** Removed by BERT's clean-up: control, format and private characters other than tab and line ends. */
export const control = 32;
/** A non-spacing mark. */
export const nonspacingMark = 64;
/** Any combining mark. */
export const mark = 128;
/** A number of any kind, by the newest Unicode. */
export const numeric = 256;

interface Rule {
  readonly bit: number;
  readonly pattern: RegExp;
  readonly without?: Ranges; // what the reference's older Unicode tables don't have
  readonly extra?: string;
}

/** The reference mixes Unicode versions: 16 for regular expressions, 8 for categories, 9 for marks, the newest for numbers. */
const rules: readonly Rule[] = [
  { bit: letter, pattern: /\p{L}/u, without: addedSinceUnicode16 },
  { bit: number, pattern: /\p{N}/u, without: addedSinceUnicode16 },
  { bit: space, pattern: /\p{White_Space}/u },
  { bit: wordCharacter, pattern: /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u, without: addedSinceUnicode16 },
  { bit: punctuation, pattern: /[\p{P}$+<=>^`|~]/u, without: addedPunctuation, extra: '\u166d\u{111c9}' },
  { bit: control, pattern: /[\p{Cc}\p{Cf}\p{Co}]/u, without: addedFormats },
  { bit: nonspacingMark, pattern: /\p{Mn}/u, without: addedNonspacing, extra: '\u1734\u{1171e}' },
  { bit: mark, pattern: /\p{M}/u, without: addedMarks, extra: '\u1cf2\u1cf3' },
  { bit: numeric, pattern: /\p{N}/u },
];

const pages: (Uint16Array | undefined)[] = new Array<Uint16Array | undefined>(0x1100).fill(undefined);

/** The classes of a code point as bits; worked out once per page of 256 code points. */
export function characterClass(codePoint: number): number {
  const page = (pages[codePoint >> 8] ??= makePage(codePoint >> 8));
  return page[codePoint & 0xff] ?? 0;
}

function makePage(page: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, offset) => {
    const codePoint = page * 256 + offset;
    const char = String.fromCodePoint(codePoint);
    let bits = 0;
    for (const { bit, pattern, without, extra } of rules) {
      const has = extra?.includes(char) || (pattern.test(char) && !(without && inRanges(without, codePoint)));
      if (has) bits |= bit;
    }
    return bits;
  });
}
