import { DataError } from '../errors.ts';
import type { Row } from '../rows/row.ts';

/**
 * Which column holds what is wanted: the one that was named, or the first of the usual names that the first row has.
 *
 * @throws {@link DataError} `empty` without rows, `column` when there is no such column, with the columns that there are.
 */
export function findColumn(
  rows: readonly Row[],
  { named, usual, what }: { named: string | undefined; usual: readonly string[]; what: string },
): string {
  const column = findOptionalColumn(rows, { named, usual });
  if (column !== undefined) return column;
  const [first] = rows;
  const columns = first?.columns.map((name) => JSON.stringify(name)).join(', ');
  throw new DataError(
    'column',
    `${first?.where}: there is no column "${usual.join('" or "')}" for the ${what}, but ${columns}; name yours by the option columns`,
  );
}

/** As {@link findColumn}; undefined where no column was named and none is there. */
export function findOptionalColumn(
  rows: readonly Row[],
  { named, usual }: { named: string | undefined; usual: readonly string[] },
): string | undefined {
  const [first] = rows;
  if (!first) throw new DataError('empty', 'there are no rows');
  if (named === undefined) return usual.find((name) => first.has(name));
  first.get(named);
  return named;
}
