import { UsageError } from '@formers/cli';
import type { ProblemType, Row } from '@formers/data';

import type { TaskConfig } from '../options.ts';

/** What `--problem-type` can be, in Hugging Face's words. */
export const PROBLEM_TYPES = [
  'single_label_classification',
  'multi_label_classification',
  'regression',
] as const satisfies readonly ProblemType[];

/** Columns of labels by their usual names. */
const USUAL = ['label', 'labels', 'class', 'category'];

/**
 * What a classifier of texts is to say: what `--problem-type` asks for; else several labels where the column has lists, a number where it has numbers that are not whole, and one class
 * otherwise.
 *
 * @throws {@link UsageError} for label smoothing, where there is no one class that gives some of its share away.
 */
export function problemTypeOf(
  { problemType, labelSmoothing = 0 }: Pick<TaskConfig, 'problemType' | 'labelSmoothing'>,
  { rows, column }: { rows: readonly Row[]; column: string | undefined },
): ProblemType {
  const name = column ?? USUAL.find((usual) => rows[0]?.has(usual));
  const values = name === undefined ? [] : rows.map((row) => row.values[name]);
  const found = problemType ?? typeOfValues(values);
  if (labelSmoothing > 0 && found !== 'single_label_classification')
    throw new UsageError(`--label-smoothing is for one class per text, not for ${found.replaceAll('_', ' ')}`);
  return found;
}

function typeOfValues(values: readonly unknown[]): ProblemType {
  if (values.some((value) => isList(value))) return 'multi_label_classification';
  const numbers = values.map((value) =>
    typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value),
  );
  const isRegression = numbers.every(Number.isFinite) && numbers.some((number) => !Number.isInteger(number));
  return isRegression ? 'regression' : 'single_label_classification';
}

/** A list, or the text of one in JSON. */
function isList(value: unknown): boolean {
  return Array.isArray(value) || (typeof value === 'string' && /^\s*\[.*\]\s*$/.test(value));
}
