import { characterClass, letter, number, space } from '../text/character-class.ts';

/** The pattern that {@link findGpt2Words} matches, as files write it. */
export const gpt2Pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const kinds = letter | number | space;

/** GPT-2's word pattern (the published encoder.py) as a linear scan; matches cover the whole text. */
export function findGpt2Words(text: string): number[] {
  const matches: number[] = [];
  for (let start = 0; start < text.length;) {
    const end = wordEnd(text, start);
    matches.push(start, end);
    start = end;
  }
  return matches;
}

function wordEnd(text: string, start: number): number {
  if (text.charCodeAt(start) === 0x27) {
    const length = contractionLength(text, start + 1);
    if (length > 0) return start + 1 + length;
  }
  let begin = start;
  if (text.charCodeAt(start) === 0x20 && start + 1 < text.length && kindAt(text, start + 1) !== space)
    begin = start + 1;
  const kind = kindAt(text, begin);
  let end = begin;
  while (end < text.length && kindAt(text, end) === kind) end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  if (kind !== space || end === text.length) return end;
  return end - start > 1 ? end - 1 : end; // the last white space belongs to the next word
}

function kindAt(text: string, index: number): number {
  return characterClass(text.codePointAt(index) ?? 0) & kinds;
}

/** The length of `s`, `t`, `m`, `d`, `re`, `ve` or `ll` at `index`, or 0. */
function contractionLength(text: string, index: number): number {
  switch (text.charAt(index)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 1;
    case 'r':
    case 'v':
      return text.charAt(index + 1) === 'e' ? 2 : 0;
    case 'l':
      return text.charAt(index + 1) === 'l' ? 2 : 0;
    default:
      return 0;
  }
}
