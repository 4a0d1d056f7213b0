import { DataError } from '../errors.ts';
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

/**
 * Two files of lines that belong together, such as a text and its translation.
 *
 * @throws {@link DataError} `pair` naming both files when one has more lines than the other, or an empty line where the other has a text.
 */
export function pairLines(sources: readonly Row[], targets: readonly Row[]): TextPair[] {
  const count = Math.max(sources.length, targets.length);
  return Array.from({ length: count }, (_, i) => {
    const [source, target] = [sources[i], targets[i]];
    if (source && target && lineOf(source) === lineOf(target))
      return { source: source.text('text'), target: target.text('text'), where: source.where };
    const known = source ?? target;
    const other = (known === source ? targets : sources).at(-1)?.where ?? 'the other file, which is empty';
    throw new DataError('pair', `pairLines: ${known?.where} has no line that belongs to it in ${other}`);
  });
}

function lineOf({ where }: Row): string | undefined {
  return where.split(', ').at(-1);
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
