import type { AlignedText } from '../text/aligned-text.ts';

/** Finds the matches of a pattern: begin, end, begin, end, ... in UTF-16 units. */
export type FindMatches = (text: string) => readonly number[];

/** What becomes of the matches when text is split at them, for `the-final--countdown` and `-`. */
export const splitBehaviors = [
  'Removed', // the, final, countdown
  'Isolated', // the, -, final, -, -, countdown
  'MergedWithPrevious', // the-, final-, -, countdown
  'MergedWithNext', // the, -final, -, -countdown
  'Contiguous', // the, -, final, --, countdown
] as const;

/** One of {@link splitBehaviors}. */
export type SplitBehavior = (typeof splitBehaviors)[number];

interface Span {
  start: number;
  end: number;
  readonly isMatch: boolean;
}

/** Splits text at matches; `invert` swaps matches and the text between them. */
export function splitAt(text: AlignedText, matches: readonly number[], { behavior, invert = false }: { behavior: SplitBehavior; invert?: boolean }): AlignedText[] {
  const spans = cover(text.text.length, matches, invert);
  switch (behavior) {
    case 'Isolated':
      return cut(text, spans);
    case 'Removed':
      return cut(text, spans.filter((span) => !span.isMatch));
    case 'Contiguous':
      return cut(text, merge(spans, (span, previous) => span.isMatch === previous));
    case 'MergedWithPrevious':
      return cut(text, merge(spans, (span, previous) => span.isMatch && !previous));
    case 'MergedWithNext':
      return cut(text, merge(spans.reverse(), (span, previous) => span.isMatch && !previous).reverse());
  }
}

/** Matches and the gaps between them, in order. */
function cover(length: number, matches: readonly number[], invert: boolean): Span[] {
  const spans: Span[] = [];
  let last = 0;
  for (let index = 0; index < matches.length; index += 2) {
    const start = matches[index] ?? 0;
    const end = matches[index + 1] ?? 0;
    if (last < start) spans.push({ start: last, end: start, isMatch: invert });
    spans.push({ start, end, isMatch: !invert });
    last = end;
  }
  if (last < length) spans.push({ start: last, end: length, isMatch: invert });
  return spans;
}

/** Joins a span to the one before it where `joins(span, whether the one before was a match)`. */
function merge(spans: readonly Span[], joins: (span: Span, previousIsMatch: boolean) => boolean): Span[] {
  const merged: Span[] = [];
  let previousIsMatch = false;
  for (const span of spans) {
    const last = merged.at(-1);
    if (last && joins(span, previousIsMatch)) {
      last.start = Math.min(last.start, span.start);
      last.end = Math.max(last.end, span.end);
    } else {
      merged.push({ ...span });
    }
    previousIsMatch = span.isMatch;
  }
  return merged;
}

function cut(text: AlignedText, spans: readonly Span[]): AlignedText[] {
  return spans.map(({ start, end }) => text.slice(start, end));
}
