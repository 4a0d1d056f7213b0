import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { prepend, replaceMatches } from '../normalizers/edits.ts';
import { findString } from '../regex/pattern.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';
import { splitAt } from './split.ts';

/** sentencepiece's spaces: each becomes a visible character, which begins the words. */
export function metaspace(fields: Fields): PreTokenizer {
  const replacement = fields.character('replacement');
  const split = fields.boolean('split', true);
  const addsPrefixSpace = fields.boolean('add_prefix_space', true);
  const scheme = fields.oneOf('prepend_scheme', ['always', 'first', 'never'], addsPrefixSpace ? 'always' : 'never');
  if (!addsPrefixSpace && scheme !== 'never') {
    throw new TokenizerError('format', `${fields.place}: add_prefix_space is false, but prepend_scheme is ${scheme}`);
  }
  const findSpaces = findString(' ');
  const findReplacement = findString(replacement);
  return (text) => {
    let spaced = replaceMatches(text, findSpaces(text.text), replacement);
    const begins = scheme === 'always' || (scheme === 'first' && spaced.originalStart(0) === 0);
    if (begins && !spaced.text.startsWith(replacement)) spaced = prepend(spaced, replacement);
    return split ? splitAt(spaced, findReplacement(spaced.text), { behavior: 'MergedWithNext' }) : [spaced];
  };
}
