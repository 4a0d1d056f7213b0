import { entityScores } from '@formers/training';

import type { Evaluation } from '../tasks/task.ts';
import { classReport } from './class-report.ts';

/** Accuracy of tags, precision, recall and F1 of each; those of whole entities, where tags are of the form `B-PER` and `I-PER`. */
export function tagReport({
  labels,
  actual,
  predicted,
}: {
  labels: readonly string[];
  actual: readonly (readonly number[])[];
  predicted: readonly (readonly number[])[];
}): Evaluation {
  const tags = classReport({ labels, actual: actual.flat(), predicted: predicted.flat() });
  if (!hasEntities(labels)) return tags;
  const named = (rows: readonly (readonly number[])[]): string[][] =>
    rows.map((row) => row.map((tag) => labels[tag] ?? ''));
  const { precision, recall, f1, support, kinds } = entityScores(named(predicted), named(actual));
  const lines = [...kinds, ['all', { precision, recall, f1, support }] as const].map(
    ([kind, scores]) =>
      `${kind}: ${scores.support} entities, precision ${scores.precision.toFixed(3)}, recall ${scores.recall.toFixed(3)}, F1 ${scores.f1.toFixed(3)}`,
  );
  return {
    ...tags,
    metrics: { accuracy: tags.metrics['accuracy'] ?? Number.NaN, precision, recall, f1 },
    report: `${tags.report}\n\n${lines.join('\n')}`,
  };
}

/** Whether tags stand for parts of entities: `B-...`, `I-...` and `O`. */
export function hasEntities(labels: readonly string[]): boolean {
  return labels.some((label) => label !== 'O') && labels.every((label) => /^(?:O|[BI](?:-.+)?)$/.test(label));
}
