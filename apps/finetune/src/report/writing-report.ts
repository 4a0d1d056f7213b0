import { accuracy, bleu, chrF } from '@formers/training';

import type { Evaluation } from '../tasks/task.ts';

/** A text, what it should become, and what was written. */
export interface WrittenPair {
  readonly source: string;
  readonly target: string;
  readonly written: string;
}

/** How many pairs are shown. */
const EXAMPLES = 5;

/** BLEU and chrF of what was written, and the share that is right to the letter, with the first pairs as examples. */
export function writingReport(items: readonly WrittenPair[]): Evaluation {
  const written = items.map((item) => item.written);
  const targets = items.map(({ target }) => target.trim());
  const examples = items
    .slice(0, EXAMPLES)
    .map(
      (item) => `${item.source}\n  written ${JSON.stringify(item.written)}\n  wanted  ${JSON.stringify(item.target)}`,
    );
  return {
    metrics: {
      bleu: bleu(written, targets),
      chrf: chrF(written, targets),
      exact_match: accuracy(written, targets),
    },
    report: examples.join('\n'),
    details: { written },
  };
}
