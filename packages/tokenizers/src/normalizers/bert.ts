import type { Fields } from '../fields.ts';
import { characterClass, control, nonspacingMark, space } from '../text/character-class.ts';
import { normalizeForm } from '../text/normal-forms.ts';
import { mapCharacters } from './edits.ts';
import type { Normalizer } from './normalizer.ts';

/** BERT's clean-up: control characters out, spaces around Chinese characters, accents off, lower case. */
export function bertNormalizer(fields: Fields): Normalizer {
  const cleans = fields.boolean('clean_text');
  const spreads = fields.boolean('handle_chinese_chars');
  const lowers = fields.boolean('lowercase');
  const strips = fields.has('strip_accents') ? fields.boolean('strip_accents') : lowers;
  return (text) => {
    if (cleans) text = mapCharacters(text, clean);
    if (spreads) text = mapCharacters(text, (char, codePoint) => (isChinese(codePoint) ? ` ${char} ` : char));
    if (strips)
      text = mapCharacters(normalizeForm(text, 'NFD'), (char, codePoint) =>
        characterClass(codePoint) & nonspacingMark ? '' : char,
      );
    return lowers ? lowerCase(text) : text;
  };
}

/** Each character in lower case by itself; what the last sigma of a word becomes does not depend on the word. */
export const lowerCase: Normalizer = (text) => mapCharacters(text, (char) => char.toLowerCase());

function clean(char: string, codePoint: number): string {
  const bits = characterClass(codePoint);
  if (codePoint === 0x09 || codePoint === 0x0a || codePoint === 0x0d) return ' ';
  if (codePoint === 0xfffd || (bits & control) !== 0) return '';
  return bits & space ? ' ' : char;
}

/** The CJK blocks that BERT lists. */
function isChinese(codePoint: number): boolean {
  return (
    (codePoint >= 0x4e00 && codePoint <= 0x9fff) ||
    (codePoint >= 0x3400 && codePoint <= 0x4dbf) ||
    (codePoint >= 0xf900 && codePoint <= 0xfaff) ||
    (codePoint >= 0x20000 && codePoint <= 0x2a6df) ||
    (codePoint >= 0x2a700 && codePoint <= 0x2b73f) ||
    (codePoint >= 0x2b740 && codePoint <= 0x2b81f) ||
    (codePoint >= 0x2b920 && codePoint <= 0x2ceaf) ||
    (codePoint >= 0x2f800 && codePoint <= 0x2fa1f)
  );
}
