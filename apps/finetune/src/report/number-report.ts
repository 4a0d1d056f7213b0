import { pearson, spearman } from '@formers/training';

import type { Evaluation } from '../tasks/task.ts';

/** How many numbers are shown. */
const EXAMPLES = 8;

/** Mean squared error and correlations of predicted numbers; correlations are left out where all numbers are the same. */
export function numberReport({
  actual,
  predicted,
}: {
  actual: readonly number[];
  predicted: readonly number[];
}): Evaluation {
  const mse = predicted.reduce((sum, value, i) => sum + (value - (actual[i] as number)) ** 2, 0) / predicted.length;
  const correlations = Object.entries({ pearson: pearson(predicted, actual), spearman: spearman(predicted, actual) });
  const lines = actual
    .slice(0, EXAMPLES)
    .map((value, i) => `is ${String(value).padStart(8)}  as ${(predicted[i] as number).toFixed(4).padStart(9)}`);
  return {
    metrics: { mse, ...Object.fromEntries(correlations.filter(([, value]) => Number.isFinite(value))) },
    report: lines.join('\n'),
    details: { predicted: [...predicted] },
  };
}
