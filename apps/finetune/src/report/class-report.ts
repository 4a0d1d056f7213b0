import type { Evaluation } from '../tasks/task.ts';
import { textTable } from './table.ts';

/** Classes beyond this number make no matrix that could be read. */
const MOST_CLASSES = 20;

/** Accuracy, precision, recall and F1 per class, and the confusion matrix. */
export function classReport({
  labels,
  actual,
  predicted,
  unit,
}: {
  labels: readonly string[];
  actual: readonly number[];
  predicted: readonly number[];
  unit: string;
}): Evaluation {
  const counts = labels.map(() => labels.map(() => 0));
  for (const [i, label] of actual.entries()) {
    const row = counts[label];
    const found = predicted[i];
    if (row && found !== undefined) row[found] = (row[found] ?? 0) + 1;
  }
  const scores = labels.map((label, i) => {
    const hits = counts[i]?.[i] ?? 0;
    const support = (counts[i] ?? []).reduce((sum, count) => sum + count, 0);
    const found = counts.reduce((sum, row) => sum + (row[i] ?? 0), 0);
    const share = (of: number): number => (of === 0 ? 0 : hits / of);
    return { label, precision: share(found), recall: share(support), f1: share((found + support) / 2), support };
  });
  const right = scores.reduce((sum, _, i) => sum + (counts[i]?.[i] ?? 0), 0);
  const present = scores.filter(({ support }) => support > 0);
  const accuracy = right / actual.length;
  const f1 = present.reduce((sum, score) => sum + score.f1, 0) / present.length;
  const table = textTable([
    ['class', 'precision', 'recall', 'F1', unit],
    ...scores.map(({ label, precision, recall, f1: own, support }) => [
      label,
      ...[precision, recall, own].map((share) => share.toFixed(3)),
      support,
    ]),
  ]);
  const matrix = textTable([['is \\ as', ...labels], ...counts.map((row, i) => [labels[i] ?? '', ...row])]);
  return {
    metrics: { accuracy, macro_f1: f1 },
    report: labels.length > MOST_CLASSES ? table : `${table}\n\n${matrix}`,
    details: { labels: [...labels], confusion: counts },
  };
}
