import type { Evaluation } from '../tasks/task.ts';
import { classReport } from './class-report.ts';

/** Accuracy of tags, and precision, recall and F1 of each. */
export function tagReport({
  labels,
  actual,
  predicted,
}: {
  labels: readonly string[];
  actual: readonly (readonly number[])[];
  predicted: readonly (readonly number[])[];
}): Evaluation {
  return classReport({ labels, actual: actual.flat(), predicted: predicted.flat(), unit: 'tags' });
}
