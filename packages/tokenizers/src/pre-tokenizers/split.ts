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
export function splitAt(
  text: AlignedText,
  matches: readonly number[],
  { behavior, invert = false }: { behavior: SplitBehavior; invert?: boolean },
): AlignedText[] {
  if (behavior === 'Isolated' || behavior === 'Removed')
    return cutApart(text, matches, {
      keepMatches: behavior === 'Isolated' || invert,
      keepGaps: behavior === 'Isolated' || !invert,
    });
  const spans = cover(text.text.length, matches, invert);
  switch (behavior) {
    case 'Contiguous':
      return cut(
        text,
        merge(spans, (span, previous) => span.isMatch === previous),
      );
    case 'MergedWithPrevious':
      return cut(
        text,
        merge(spans, (span, previous) => span.isMatch && !previous),
      );
    case 'MergedWithNext':
      return cut(text, merge(spans.reverse(), (span, previous) => span.isMatch && !previous).reverse());
  }
}

/** Matches and the gaps between them, each by itself, or only one kind. */
function cutApart(
  text: AlignedText,
  matches: readonly number[],
  { keepMatches, keepGaps }: { keepMatches: boolean; keepGaps: boolean },
): AlignedText[] {
  const parts: AlignedText[] = [];
  let last = 0;
  for (let index = 0; index < matches.length; index += 2) {
    const start = matches[index] ?? 0;
    const end = matches[index + 1] ?? 0;
    if (keepGaps && last < start) parts.push(text.slice(last, start));
    if (keepMatches) parts.push(text.slice(start, end));
    last = end;
  }
  if (keepGaps && last < text.text.length) parts.push(text.slice(last, text.text.length));
  return parts;
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
