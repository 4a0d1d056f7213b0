import type { Fields } from '../fields.ts';
import type { FindMatches } from '../pre-tokenizers/split.ts';
import { findGpt2Words, gpt2Pattern } from '../pre-tokenizers/gpt2-pattern.ts';
import { regexMatcher } from './matcher.ts';

/** Reads a `pattern` field: `{ "String": ... }` or `{ "Regex": ... }`. */
export function readPattern(fields: Fields): FindMatches {
  const pattern = fields.object('pattern');
  if (pattern.has('String')) return findString(pattern.string('String'));
  const source = pattern.string('Regex');
  return source === gpt2Pattern ? findGpt2Words : regexMatcher(source);
}

/** Finds a literal string; the empty string is found before every character and at the end. */
export function findString(wanted: string): FindMatches {
  return (text) => {
    const matches: number[] = [];
    if (wanted.length === 0) {
      for (let index = 0; index <= text.length; index += (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1)
        matches.push(index, index);
      return matches;
    }
    for (let start = text.indexOf(wanted); start >= 0; start = text.indexOf(wanted, start + wanted.length))
      matches.push(start, start + wanted.length);
    return matches;
  };
}
