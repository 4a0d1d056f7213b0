import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { findString, readPattern } from '../regex/pattern.ts';
import type { AlignedText } from '../text/aligned-text.ts';
import { numeric, punctuation, space } from '../text/character-class.ts';
import { byteLevelSplit, mapToByteLevel } from './byte-level.ts';
import { findCharacters, findWords } from './characters.ts';
import { metaspace } from './metaspace.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';
import { splitAtScripts } from './scripts.ts';
import { splitAt, splitBehaviors } from './split.ts';

/** The steps before the model; where the last one maps to bytes, the mapping itself is left to the model. */
export interface PreTokenization {
  readonly steps: readonly PreTokenizer[];
  readonly mapsToBytes: boolean;
}

/** Reads a pre-tokenizer as a list of steps. */
export function readPreTokenization(fields: Fields): PreTokenization {
  const parts = flatten(fields);
  const last = parts.at(-1);
  const mapsToBytes = last?.string('type') === 'ByteLevel';
  const steps = parts.flatMap((part) => (mapsToBytes && part === last ? [byteLevelSplit(part)] : readSteps(part)));
  return { steps, mapsToBytes };
}

function flatten(fields: Fields): Fields[] {
  return fields.string('type') === 'Sequence' ? fields.objects('pretokenizers').flatMap(flatten) : [fields];
}

function readSteps(fields: Fields): PreTokenizer[] {
  const type = fields.string('type');
  switch (type) {
    case 'ByteLevel': {
      const split = byteLevelSplit(fields);
      return [(text) => split(text).map(mapToByteLevel)];
    }
    case 'Whitespace':
      return [(text) => splitAt(text, findWords(text.text), { behavior: 'Removed', invert: true })];
    case 'WhitespaceSplit':
      return [splitWhiteSpace];
    case 'BertPreTokenizer':
      return [
        splitWhiteSpace,
        (text) => splitAt(text, findCharacters(text.text, punctuation), { behavior: 'Isolated' }),
      ];
    case 'Punctuation': {
      const behavior = fields.oneOf('behavior', splitBehaviors, 'Isolated');
      return [(text) => splitAt(text, findCharacters(text.text, punctuation), { behavior })];
    }
    case 'Digits': {
      const behavior = fields.boolean('individual_digits') ? 'Isolated' : 'Contiguous';
      return [(text) => splitAt(text, findCharacters(text.text, numeric), { behavior })];
    }
    case 'Delimiter':
    case 'CharDelimiterSplit': {
      const find = findString(fields.character('delimiter'));
      return [(text) => splitAt(text, find(text.text), { behavior: 'Removed' })];
    }
    case 'Split': {
      const find = readPattern(fields);
      const behavior = fields.oneOf('behavior', splitBehaviors);
      const invert = fields.boolean('invert');
      return [(text) => splitAt(text, find(text.text), { behavior, invert })];
    }
    case 'Metaspace':
      return [metaspace(fields)];
    case 'UnicodeScripts':
      return [splitAtScripts];
    case 'FixedLength':
      return [fixedLength(fields)];
    default:
      throw new TokenizerError('unsupported', `${fields.place}: no pre-tokenizer of type ${JSON.stringify(type)}`);
  }
}

const splitWhiteSpace: PreTokenizer = (text) =>
  splitAt(text, findCharacters(text.text, space), { behavior: 'Removed' });

function fixedLength(fields: Fields): PreTokenizer {
  const length = fields.count('length', 5);
  if (length === 0) throw new TokenizerError('format', `${fields.place}.length: must not be 0`);
  return (text) => {
    const source = text.text;
    const parts: AlignedText[] = [];
    for (let start = 0, end = 0; start < source.length; start = end) {
      for (let count = 0; count < length && end < source.length; count++)
        end += (source.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
      parts.push(text.slice(start, end));
    }
    return parts;
  };
}
