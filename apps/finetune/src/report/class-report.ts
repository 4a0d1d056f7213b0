import { ConfusionMatrix } from '@formers/training';

import type { Evaluation } from '../tasks/task.ts';

/** Accuracy, precision, recall and F1 per class, and the confusion matrix. */
export function classReport({
  labels,
  actual,
  predicted,
}: {
  labels: readonly string[];
  actual: readonly number[];
  predicted: readonly number[];
}): Evaluation {
  const matrix = ConfusionMatrix.of(predicted, actual, { labels });
  return {
    metrics: { accuracy: matrix.accuracy, macro_f1: matrix.average('macro').f1 },
    report: matrix.toString(),
    details: { labels: [...labels], confusion: matrix.counts },
  };
}
