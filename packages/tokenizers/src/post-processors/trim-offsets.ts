import type { Encoding } from '../encoding.ts';
import { byteLevelSpace } from '../text/byte-level.ts';
import { characterClass, space } from '../text/character-class.ts';

/** Moves the bounds of tokens off the white space at their ends; a first space that the pre-tokenizer added takes no room. */
export function trimOffsets(encoding: Encoding, addPrefixSpace: boolean): Encoding {
  const bounds = encoding.bounds.slice();
  const source = encoding.source ?? '';
  for (const [index, token] of encoding.tokens.entries()) {
    let start = bounds[2 * index] ?? 0;
    let end = bounds[2 * index + 1] ?? 0;
    let leading = countSpaces(token, 1);
    const trailing = countSpaces(token, -1);
    if (leading > 0) {
      if (leading === 1 && addPrefixSpace && (index === 0 || start === 0)) leading = 0;
      start = Math.min(advance(source, start, leading), end);
    }
    if (trailing > 0) {
      const trimmed = retreat(source, end, trailing);
      if (trimmed >= 0) end = Math.max(trimmed, start);
    }
    bounds[2 * index] = start;
    bounds[2 * index + 1] = end;
  }
  return encoding.with({ bounds, overflowing: encoding.overflowing.map((part) => trimOffsets(part, addPrefixSpace)) });
}

/** White space at the begin (`step` 1) or the end (`step` -1) of a token; white space has no surrogate pairs. */
function countSpaces(token: string, step: 1 | -1): number {
  let count = 0;
  for (let index = step === 1 ? 0 : token.length - 1; index >= 0 && index < token.length; index += step) {
    if (token.charAt(index) !== byteLevelSpace && (characterClass(token.charCodeAt(index)) & space) === 0) break;
    count++;
  }
  return count;
}

/** `count` characters further. */
function advance(text: string, index: number, count: number): number {
  for (; count > 0; count--) index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
  return index;
}

/** `count` characters back, or -1 where there aren't as many. */
function retreat(text: string, index: number, count: number): number {
  for (; count > 0 && index >= 0; count--) index -= index > 1 && (text.codePointAt(index - 2) ?? 0) > 0xffff ? 2 : 1;
  return index;
}
