import type { AlignedText } from './aligned-text.ts';
import { ChangeWalker, type Change } from './changes.ts';
import { addedToNormalization, inRanges } from './unicode-versions.ts';

/** A Unicode normalization form. */
export type NormalForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/**
 * Unicode normalization (UAX 15) that keeps track of where characters came from. Works segment by segment: a character with the marks (and
 * Hangul vowels and finals) that follow it. Characters newer than the reference's tables are segments of their own that stay as they are.
 */
export function normalizeForm(text: AlignedText, form: NormalForm): AlignedText {
  const source = text.text;
  if (source.normalize(form) === source) return text;
  const walker = new ChangeWalker(text);
  const known = new Map<string, readonly Change[]>();
  for (let start = 0; start < source.length;) {
    let end = asciiEnd(source, start);
    if (end < source.length && end > start && joins(source.codePointAt(end) ?? 0)) end--; // its last character has marks
    if (end > start) walker.keep(end - start);
    start = end;
    end = segmentEnd(source, start);
    const segment = source.slice(start, end);
    let changes = known.get(segment);
    if (!changes) {
      changes = changesOf(segment, form);
      if (segment.length < 16) known.set(segment, changes);
    }
    for (const change of changes) walker.push(change);
    start = end;
  }
  return walker.build();
}

function asciiEnd(text: string, start: number): number {
  while (text.charCodeAt(start) < 0x80) start++;
  return start;
}

function segmentEnd(text: string, start: number): number {
  if (start >= text.length) return start;
  const first = text.codePointAt(start) ?? 0;
  let end = start + (first > 0xffff ? 2 : 1);
  if (inRanges(addedToNormalization, first)) return end;
  for (;;) {
    const next = text.codePointAt(end);
    if (next === undefined || !joins(next) || inRanges(addedToNormalization, next)) return end;
    end += next > 0xffff ? 2 : 1;
  }
}

/** Whether normalization may move or join a character to what is before it: marks, and Hangul vowels and finals. */
function joins(codePoint: number): boolean {
  if (codePoint < 0x300) return false;
  const [first = ''] = String.fromCodePoint(codePoint).normalize('NFKD');
  return /[\p{M}\u1160-\u11ff]/u.test(first);
}

function changesOf(segment: string, form: NormalForm): readonly Change[] {
  if (inRanges(addedToNormalization, segment.codePointAt(0) ?? 0)) return [{ char: segment, change: 0 }];
  const decomposed = decompose(segment, form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD');
  return form === 'NFD' || form === 'NFKD' ? decomposed : compose(decomposed, [...segment.normalize(form)]);
}

/** Character by character, then in canonical order; the first part of a decomposed character takes its place, the others are added. */
function decompose(segment: string, form: 'NFD' | 'NFKD'): Change[] {
  const inTextOrder: Change[] = [];
  for (const char of segment) {
    for (const [index, part] of [...char.normalize(form)].entries())
      inTextOrder.push({ char: part, change: index === 0 ? 0 : 1 });
  }
  return reorder(inTextOrder, [...segment.normalize(form)]);
}

/** Puts changes into the order of `target`, which holds the same characters; those that are equal keep their order. */
function reorder(changes: readonly Change[], target: readonly string[]): Change[] {
  const waiting = new Map<string, { changes: Change[]; next: number }>();
  for (const change of changes) {
    const queue = waiting.get(change.char);
    if (queue) queue.changes.push(change);
    else waiting.set(change.char, { changes: [change], next: 0 });
  }
  return target.map((char) => {
    const queue = waiting.get(char);
    return queue?.changes[queue.next++] ?? { char, change: 0 };
  });
}

/** Joins decomposed characters to those of `target`; a character made of several takes as many places as they did. */
function compose(decomposed: readonly Change[], target: readonly string[]): Change[] {
  const used = new Uint8Array(decomposed.length);
  let first = 0; // nothing before it is unused
  return target.map((char) => {
    while (used[first] === 1) first++;
    const parts = [...char.normalize('NFD')];
    let position = first;
    let change = 1 - parts.length;
    for (const part of parts) {
      while (position < decomposed.length && (used[position] === 1 || decomposed[position]?.char !== part)) position++;
      used[position] = 1;
      change += decomposed[position]?.change ?? 0;
    }
    return { char, change };
  });
}
