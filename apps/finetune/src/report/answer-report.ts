import { answerScores } from '@formers/training';

import type { Evaluation } from '../tasks/task.ts';

/** A question, the answers that are right, and the one that was found. */
export interface FoundAnswer {
  readonly question: string;
  /** None where the text has no answer. */
  readonly answers: readonly string[];
  /** Empty for "no answer". */
  readonly found: string;
}

/** How many questions are shown. */
const EXAMPLES = 5;

/** Exact matches and F1 of answers, as SQuAD counts them, with the first ones as examples. */
export function answerReport(items: readonly FoundAnswer[]): Evaluation {
  const found = items.map((item) => item.found);
  const { exactMatch, f1 } = answerScores(
    found,
    items.map(({ answers }) => answers),
  );
  const examples = items.slice(0, EXAMPLES).map(({ question, answers: [right = ''], found: own }) => {
    const lines = [question, `  found ${JSON.stringify(own)}`, `  right ${JSON.stringify(right)}`];
    return lines.join('\n');
  });
  return { metrics: { exact_match: exactMatch, f1 }, report: examples.join('\n'), details: { found } };
}
