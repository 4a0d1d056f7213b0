import type { AlignedText } from './aligned-text.ts';
import { applyChanges, type Change } from './changes.ts';
import { addedToNormalization, inRanges } from './unicode-versions.ts';

/** A Unicode normalization form. */
export type NormalForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/** Unicode normalization (UAX 15) that keeps track of where characters came from. Characters newer than the reference's tables stay as they are. */
export function normalizeForm(text: AlignedText, form: NormalForm): AlignedText {
  const source = text.text;
  if (!/[^\0-\x7f]/.test(source)) return text;
  const changes: Change[] = [];
  let run = '';
  const flush = (): void => {
    for (const change of changesOf(run, form)) changes.push(change);
    run = '';
  };
  for (const char of source) {
    if (char > '\u0300' && inRanges(addedToNormalization, char.codePointAt(0) ?? 0)) {
      flush();
      changes.push({ char, change: 0 });
    } else {
      run += char;
    }
  }
  flush();
  const isSame = changes.every(({ change }) => change === 0) && changes.map(({ char }) => char).join('') === source;
  return isSame ? text : applyChanges(text, changes);
}

function changesOf(run: string, form: NormalForm): Change[] {
  const target = [...run.normalize(form)];
  const decomposed = decompose(run, form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD');
  return form === 'NFD' || form === 'NFKD' ? decomposed : compose(decomposed, target);
}

/** Character by character, then in canonical order; the first part of a decomposed character takes its place, the others are added. */
function decompose(run: string, form: 'NFD' | 'NFKD'): Change[] {
  const inTextOrder: Change[] = [];
  for (const char of run) {
    if (char < '\x80') inTextOrder.push({ char, change: 0 });
    else for (const [index, part] of [...char.normalize(form)].entries()) inTextOrder.push({ char: part, change: index === 0 ? 0 : 1 });
  }
  return reorder(inTextOrder, [...run.normalize(form)]);
}

/** Puts changes into the order of `target`, which holds the same characters; those that are equal keep their order. */
function reorder(changes: readonly Change[], target: readonly string[]): Change[] {
  const ordered: Change[] = [];
  for (let begin = 0; begin < changes.length;) {
    const first = changes[begin];
    if (first?.char === target[begin]) {
      if (first) ordered.push(first);
      begin++;
      continue;
    }
    const end = balancedEnd(changes, target, begin);
    const waiting = new Map<string, Change[]>();
    for (const change of changes.slice(begin, end).reverse()) waiting.set(change.char, [...(waiting.get(change.char) ?? []), change]);
    for (const char of target.slice(begin, end)) ordered.push(waiting.get(char)?.pop() ?? { char, change: 0 });
    begin = end;
  }
  return ordered;
}

/** The end of the shortest stretch from `begin` that holds the same characters on both sides. */
function balancedEnd(changes: readonly Change[], target: readonly string[], begin: number): number {
  const surplus = new Map<string, number>();
  const add = (char: string, by: number): void => {
    const count = (surplus.get(char) ?? 0) + by;
    if (count === 0) surplus.delete(char);
    else surplus.set(char, count);
  };
  let end = begin;
  do {
    add(changes[end]?.char ?? '', 1);
    add(target[end] ?? '', -1);
    end++;
  } while (surplus.size > 0 && end < changes.length);
  return end;
}

/** Joins decomposed characters to those of `target`; a character made of several takes as many places as they did. */
function compose(decomposed: readonly Change[], target: readonly string[]): Change[] {
  const used = new Uint8Array(decomposed.length);
  let first = 0; // nothing before it is unused
  return target.map((char) => {
    while (used[first] === 1) first++;
    const parts = char < '\xc0' ? [char] : [...char.normalize('NFD')];
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
