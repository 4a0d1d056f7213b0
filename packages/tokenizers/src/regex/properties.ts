import { TokenizerError } from '../errors.ts';
import { addedSinceUnicode16, inRanges } from '../text/unicode-versions.ts';
import { CharSet, range, union } from './char-set.ts';

const unassigned = new Set(['c', 'other', 'cn', 'unassigned']);

/** The set of `\p{name}`: general categories, scripts and a few binary properties, by Unicode 16. */
export function property(name: string): CharSet {
  const key = name.replace(/[\s_-]/g, '').toLowerCase();
  if (key === 'any') return new CharSet(() => true);
  const pattern = findProperty(name.trim(), key);
  if (!pattern) throw new TokenizerError('regex', `regular expression: no property ${JSON.stringify(name)}`);
  const holdsUnassigned = unassigned.has(key);
  return new CharSet((codePoint) => {
    if (inRanges(addedSinceUnicode16, codePoint)) return holdsUnassigned;
    if (codePoint === 0x295) return key === 'll' || (key !== 'lo' && pattern.test('\u0295')); // became Lo in Unicode 17
    return pattern.test(String.fromCodePoint(codePoint));
  });
}

function findProperty(name: string, key: string): RegExp | undefined {
  const binary = new Map([
    ['alpha', 'Alphabetic'],
    ['alphabetic', 'Alphabetic'],
    ['space', 'White_Space'],
    ['whitespace', 'White_Space'],
    ['upper', 'Uppercase'],
    ['lower', 'Lowercase'],
    ['digit', 'Nd'],
  ]).get(key);
  const words = name.split(/[\s_-]+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase());
  const spellings = [name, words.join('_'), key.charAt(0).toUpperCase() + key.slice(1)].filter((spelling) =>
    /^\w+$/.test(spelling),
  );
  const candidates = binary ? [binary] : spellings.flatMap((spelling) => [spelling, `Script=${spelling}`]);
  for (const candidate of candidates) {
    try {
      return new RegExp(`^\\p{${candidate}}$`, 'u');
    } catch {
      continue; // not a name that JavaScript knows; the next spelling may be
    }
  }
  return undefined;
}

/** `\d`. */
export const digits: CharSet = property('Nd');
/** `\s`. */
export const spaces: CharSet = property('White_Space');
/** `\w`, with the superscripts and fractions of Latin-1 that Oniguruma counts in. */
export const wordCharacters: CharSet = union([
  property('Alphabetic'),
  property('M'),
  digits,
  property('Pc'),
  new CharSet(
    (codePoint) =>
      (codePoint >= 0xb2 && codePoint <= 0xb3) || codePoint === 0xb9 || (codePoint >= 0xbc && codePoint <= 0xbe),
  ),
]);
/** `\h`. */
export const hexDigits: CharSet = union([range(0x30, 0x39), range(0x41, 0x46), range(0x61, 0x66)]);

/** The set of `[:name:]`. */
export function posixClass(name: string): CharSet {
  switch (name) {
    case 'alpha':
      return property('Alphabetic');
    case 'digit':
      return digits;
    case 'alnum':
      return union([property('Alphabetic'), digits]);
    case 'upper':
      return property('Uppercase');
    case 'lower':
      return property('Lowercase');
    case 'space':
      return spaces;
    case 'blank':
      return union([property('Zs'), range(0x09, 0x09)]);
    case 'cntrl':
      return property('Cc');
    case 'punct':
      return union([property('P'), property('S')]);
    case 'word':
      return wordCharacters;
    case 'xdigit':
      return hexDigits;
    default:
      throw new TokenizerError('regex', `regular expression: no class [:${name}:]`);
  }
}
