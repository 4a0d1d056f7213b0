import { DataError } from '../errors.ts';
import type { Row } from '../rows/row.ts';
import { findColumn } from './columns.ts';
import { labelId, labelIds, labelNames } from './labels.ts';

/** Words with a tag each. */
export interface TaggedWords {
  readonly words: readonly string[];
  /** Ids of the tags. */
  readonly tags: readonly number[];
  /** File and row, for messages. */
  readonly where: string;
}

/** Options of {@link taggingItems}. */
export interface TaggingOptions {
  /** Columns with lists; default `tokens` or `words`, and `tags`, `ner_tags`, `pos_tags` or `labels`. */
  columns?: { words?: string; tags?: string };
  /** Names of the tags, such as those of the training part for the validation part; default those that come. */
  labels?: readonly string[];
}

/**
 * Rows as words with tags.
 *
 * @throws {@link DataError} naming file, row and column: `pair` when there are more or fewer tags than words, `label`, `column`.
 */
export function taggingItems(
  rows: readonly Row[],
  { columns = {}, labels }: TaggingOptions = {},
): { items: TaggedWords[]; labels: readonly string[] } {
  const wordColumn = findColumn(rows, { named: columns.words, usual: ['tokens', 'words'], what: 'words' });
  const usual = ['tags', 'ner_tags', 'pos_tags', 'labels'];
  const column = findColumn(rows, { named: columns.tags, usual, what: 'tags' });
  const found = rows.map((row) => row.list(column).map((value) => ({ value, row, column })));
  const names = labelNames(found.flat(), labels);
  const ids = labelIds(names);
  const items = rows.map((row, i) => {
    const words = row
      .list(wordColumn)
      .map((word) =>
        typeof word === 'string' && word !== '' ? word : row.wrong(wordColumn, { wanted: 'a list of words' }),
      );
    const tags = (found[i] ?? []).map((tag) => labelId(tag, ids));
    if (words.length === 0) row.wrong(wordColumn, { wanted: 'at least one word' });
    if (words.length !== tags.length)
      throw new DataError(
        'pair',
        `${row.where}: ${words.length} words in "${wordColumn}" but ${tags.length} tags in "${column}"`,
      );
    return { words, tags, where: row.where };
  });
  return { items, labels: names };
}
