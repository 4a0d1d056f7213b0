import type { Row } from '../rows/row.ts';
import { findColumn, findOptionalColumn } from './columns.ts';
import { labelId, labelIds, labelNames } from './labels.ts';

/** What a classifier says of a text, in Hugging Face's words. */
export type ProblemType = 'single_label_classification' | 'multi_label_classification' | 'regression';

/** A text, or a pair of them, with what is true of it. */
export interface ClassifiedText {
  readonly text: string;
  readonly pair?: string;
  /** Id of the class; a 0 or 1 for each class when there may be several; a number in regression. */
  readonly label: number | Float32Array;
  /** File and row, for messages. */
  readonly where: string;
}

/** Options of {@link classificationItems}. */
export interface ClassificationOptions {
  /** Columns; default `text` or `sentence`, `pair` or `sentence2`, and `label`, or other usual names. */
  columns?: { text?: string; pair?: string; label?: string };
  /** Names of the classes, such as those of the training part for the validation part; default those that come. */
  labels?: readonly string[];
  /** Default `single_label_classification`. With several labels the column holds lists. */
  problemType?: ProblemType;
}

/**
 * Rows as texts with classes.
 *
 * @throws {@link DataError} naming file, row and column: `column` for one that is missing or holds no text, `label` for a label that there isn't.
 */
export function classificationItems(
  rows: readonly Row[],
  { columns = {}, labels, problemType = 'single_label_classification' }: ClassificationOptions = {},
): { items: ClassifiedText[]; labels: readonly string[] } {
  const text = findColumn(rows, {
    named: columns.text,
    usual: ['text', 'sentence', 'sentence1', 'premise', 'content'],
    what: 'text',
  });
  const usualPair = ['pair', 'sentence2', 'hypothesis', 'text_pair'];
  const pair = findOptionalColumn(rows, { named: columns.pair, usual: usualPair });
  const column = findColumn(rows, {
    named: columns.label,
    usual: ['label', 'labels', 'class', 'category'],
    what: 'label',
  });
  const itemOf = (row: Row, label: number | Float32Array): ClassifiedText => {
    const second = pair !== undefined && { pair: row.text(pair) };
    return { text: row.text(text), ...second, label, where: row.where };
  };
  if (problemType === 'regression')
    return { items: rows.map((row) => itemOf(row, numberIn(row, column))), labels: labels ?? ['LABEL_0'] };

  const isMultiple = problemType === 'multi_label_classification';
  const found = rows.map((row) =>
    (isMultiple ? row.list(column) : [row.get(column)]).map((value) => ({ value, row, column })),
  );
  const names = labelNames(found.flat(), labels);
  const ids = labelIds(names);
  const items = rows.map((row, i) => {
    const own = (found[i] ?? []).map((label) => labelId(label, ids));
    if (!isMultiple) return itemOf(row, own[0] ?? 0);
    const target = new Float32Array(names.length);
    for (const id of own) target[id] = 1;
    return itemOf(row, target);
  });
  return { items, labels: names };
}

function numberIn(row: Row, column: string): number {
  const value = row.get(column);
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  return row.wrong(column, { wanted: 'a number', code: 'label' });
}
