import type { Row } from '../rows/row.ts';
import { findColumn } from './columns.ts';

/** A text and what it becomes. */
export interface TextPair {
  readonly source: string;
  readonly target: string;
  /** File and row, for messages. */
  readonly where: string;
}

/** Options of {@link pairItems}. */
export interface PairOptions {
  /** Columns; default `source` and `target`, or other usual names of translation and summarisation. */
  columns?: { source?: string; target?: string };
  /** Two languages, where the column `translation` holds objects such as `{ en, de }`. */
  languages?: { source: string; target: string };
}

/**
 * Rows as pairs of texts, for translation, summarisation and the like.
 *
 * @throws {@link DataError} `column` naming file, row and column.
 */
export function pairItems(rows: readonly Row[], { columns = {}, languages }: PairOptions = {}): TextPair[] {
  if (languages) return rows.map((row) => translationIn(row, languages));
  const source = findColumn(rows, {
    named: columns.source,
    usual: ['source', 'document', 'article', 'dialogue', 'text', 'input'],
    what: 'source',
  });
  const target = findColumn(rows, {
    named: columns.target,
    usual: ['target', 'summary', 'highlights', 'translation', 'output'],
    what: 'target',
  });
  return rows.map((row) => ({ source: row.text(source), target: row.text(target), where: row.where }));
}

function translationIn(row: Row, { source, target }: { source: string; target: string }): TextPair {
  const texts = row.object('translation');
  const textIn = (language: string): string => {
    const text = texts[language];
    return typeof text === 'string' && text.trim() !== ''
      ? text
      : row.wrong('translation', { wanted: `a text in "${language}"` });
  };
  return { source: textIn(source), target: textIn(target), where: row.where };
}
