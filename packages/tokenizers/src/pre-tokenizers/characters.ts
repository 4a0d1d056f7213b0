import { forEachCharacter } from '../normalizers/edits.ts';
import { characterClass, space, wordCharacter } from '../text/character-class.ts';

/** Matches of single characters that have one of the classes. */
export function findCharacters(text: string, bits: number): number[] {
  const matches: number[] = [];
  forEachCharacter(text, (char, codePoint, start) => {
    if (characterClass(codePoint) & bits) matches.push(start, start + char.length);
  });
  return matches;
}

/** Matches of `\w+|[^\w\s]+`: words, and what is neither word nor space. */
export function findWords(text: string): number[] {
  const matches: number[] = [];
  let last = space;
  forEachCharacter(text, (char, codePoint, start) => {
    const bits = characterClass(codePoint);
    const kind = bits & wordCharacter ? wordCharacter : bits & space;
    if (kind !== space) {
      if (kind === last) matches[matches.length - 1] = start + char.length;
      else matches.push(start, start + char.length);
    }
    last = kind;
  });
  return matches;
}
