import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { mapToByteLevel } from '../pre-tokenizers/byte-level.ts';
import { readPattern } from '../regex/pattern.ts';
import { characterClass, mark, space } from '../text/character-class.ts';
import { normalizeForm } from '../text/normal-forms.ts';
import { bertNormalizer, lowerCase } from './bert.ts';
import { mapCharacters, prepend, replaceMatches } from './edits.ts';
import type { Normalizer } from './normalizer.ts';
import { precompiledNormalizer } from './precompiled.ts';

/** Makes the normalizer that `fields` describes. */
export function readNormalizer(fields: Fields): Normalizer {
  const type = fields.string('type');
  switch (type) {
    case 'Sequence': {
      const normalizers = fields.objects('normalizers').map(readNormalizer);
      return (text) => normalizers.reduce((done, normalizer) => normalizer(done), text);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => normalizeForm(text, type);
    case 'Lowercase':
      return lowerCase;
    case 'Strip':
      return strip(fields);
    case 'StripAccents':
      return (text) => mapCharacters(text, (char, codePoint) => (characterClass(codePoint) & mark ? '' : char));
    case 'Replace': {
      const find = readPattern(fields);
      const content = fields.string('content');
      return (text) => replaceMatches(text, find(text.text), content);
    }
    case 'Prepend': {
      const addition = fields.string('prepend');
      return (text) => prepend(text, addition);
    }
    case 'Bert':
    case 'BertNormalizer':
      return bertNormalizer(fields);
    case 'Precompiled':
      return precompiledNormalizer(fields);
    case 'ByteLevel':
      return mapToByteLevel;
    case 'Nmt':
      return nmt;
    default:
      throw new TokenizerError('unsupported', `${fields.place}: no normalizer of type ${JSON.stringify(type)}`);
  }
}

function strip(fields: Fields): Normalizer {
  const left = fields.boolean('strip_left');
  const right = fields.boolean('strip_right');
  const isSpace = (text: string, index: number): boolean => (characterClass(text.charCodeAt(index)) & space) !== 0;
  return (text) => {
    let start = 0;
    let end = text.text.length;
    while (left && start < end && isSpace(text.text, start)) start++;
    while (right && end > start && isSpace(text.text, end - 1)) end--;
    return text.slice(start, end);
  };
}

/** What machine translation with sentencepiece cleans: control characters vanish, odd spaces become plain ones. */
const nmt: Normalizer = (text) => {
  const removed = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/;
  const spaces = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/;
  return mapCharacters(text, (char) => (removed.test(char) ? '' : spaces.test(char) ? ' ' : char));
};
