import { AlignedTextBuilder, type AlignedText } from '../text/aligned-text.ts';

/** Puts `addition` in front, aligned with the first character; leaves empty text empty. */
export function prepend(text: AlignedText, addition: string): AlignedText {
  if (text.text.length === 0 || addition.length === 0) return text;
  const builder = new AlignedTextBuilder(text);
  builder.push(addition, 0, (text.text.codePointAt(0) ?? 0) > 0xffff ? 2 : 1);
  builder.copy(0, text.text.length);
  return builder.build();
}

/** Replaces each character by what `change` returns for it (perhaps nothing), aligned with the character. */
export function mapCharacters(text: AlignedText, change: (char: string, codePoint: number) => string): AlignedText {
  const source = text.text;
  let result = '';
  let keepsLengths = true;
  forEachCharacter(source, (char, codePoint) => {
    const changed = change(char, codePoint);
    if (changed.length !== char.length) keepsLengths = false;
    result += changed;
  });
  if (keepsLengths) return result === source ? text : text.withText(result);
  const builder = new AlignedTextBuilder(text);
  forEachCharacter(source, (char, codePoint, start) =>
    builder.push(change(char, codePoint), start, start + char.length),
  );
  return builder.build();
}

/** Replaces matches (begin, end, ...) by `content`, aligned with the last character of the match. */
export function replaceMatches(text: AlignedText, matches: readonly number[], content: string): AlignedText {
  if (matches.length === 0) return text;
  const builder = new AlignedTextBuilder(text);
  let last = 0;
  for (let index = 0; index < matches.length; index += 2) {
    const start = matches[index] ?? 0;
    const end = matches[index + 1] ?? 0;
    builder.copy(last, start);
    if (end === 0) builder.pushUnaligned(content);
    else builder.push(content, end - lastCharacterLength(text.text, end), end);
    last = end;
  }
  builder.copy(last, text.text.length);
  return builder.build();
}

/** Visits the characters (code points) of a text. */
export function forEachCharacter(text: string, visit: (char: string, codePoint: number, start: number) => void): void {
  for (let start = 0; start < text.length;) {
    const codePoint = text.codePointAt(start) ?? 0;
    const end = start + (codePoint > 0xffff ? 2 : 1);
    visit(text.slice(start, end), codePoint, start);
    start = end;
  }
}

function lastCharacterLength(text: string, end: number): number {
  return end > 1 && (text.codePointAt(end - 2) ?? 0) > 0xffff ? 2 : 1;
}
