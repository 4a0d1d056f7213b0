import { ConfusionMatrix, type Scores } from '@formers/training';

import type { Evaluation } from '../tasks/task.ts';

/**
 * Precision, recall and F1 of each label and of all together (`f1`, micro-averaged), their mean over the labels (`macro_f1`), and the share of the texts whose labels are all right
 * (`accuracy`).
 *
 * @param options.actual Of each text, which labels it has: 0 or 1 each.
 */
export function severalLabelsReport({
  labels,
  actual,
  predicted,
}: {
  labels: readonly string[];
  actual: readonly (readonly number[])[];
  predicted: readonly (readonly number[])[];
}): Evaluation {
  const column = (rows: readonly (readonly number[])[], label: number): number[] =>
    rows.map((row) => row[label] as number);
  const each = labels.map((_, label) => scoresOfOnes(column(predicted, label), column(actual, label)));
  const all = scoresOfOnes(predicted.flat(), actual.flat());
  const numRight = actual.filter((row, i) => row.every((value, label) => value === predicted[i]?.[label])).length;
  const macro = each.reduce((sum, { f1 }) => sum + f1, 0) / labels.length;

  const width = Math.max(8, ...labels.map(({ length }) => length)) + 1;
  const cell = (value: string | number): string => String(value).padStart(width);
  const line = (name: string, { precision, recall, f1, support }: Scores): string =>
    cell(name) + [precision, recall, f1].map((score) => cell(score.toFixed(3))).join('') + cell(support);
  const lines = [
    ['label', 'precis.', 'recall', 'F1', 'examples'].map(cell).join(''),
    ...labels.map((label, i) => line(label, each[i] as Scores)),
    line('all', all),
  ];
  return {
    metrics: { f1: all.f1, macro_f1: macro, accuracy: numRight / actual.length },
    report: lines.join('\n'),
    details: { labels: [...labels], f1: each.map(({ f1 }) => f1) },
  };
}

function scoresOfOnes(predicted: readonly number[], actual: readonly number[]): Scores {
  return ConfusionMatrix.of(predicted, actual, { labels: ['absent', 'present'] }).scores()[1] as Scores;
}
