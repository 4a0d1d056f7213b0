import { AlignedTextBuilder, type AlignedText } from './aligned-text.ts';

/** A character of new text and what it does to the old one: 0 takes the place of one character, 1 is added, -n also swallows the next n. */
export interface Change {
  readonly char: string;
  readonly change: number;
}

/**
 * The new text, aligned by walking through the old one: a character that takes a place is aligned with the character there, one that is
 * added with the character before (with nothing, at the begin).
 */
export function applyChanges(text: AlignedText, changes: readonly Change[]): AlignedText {
  const source = text.text;
  const builder = new AlignedTextBuilder(text);
  const after = (index: number): number => Math.min(index + ((source.codePointAt(index) ?? 0) > 0xffff ? 2 : 1), source.length);
  let last = 0; // begin of the character before `position`
  let position = 0;
  for (const { char, change } of changes) {
    if (change > 0) {
      if (position === 0) builder.pushUnaligned(char);
      else builder.push(char, last, position);
      continue;
    }
    builder.push(char, Math.min(position, source.length - 1), after(position));
    for (let taken = 0; taken <= -change; taken++) {
      last = position;
      position = after(position);
    }
  }
  return builder.build();
}
