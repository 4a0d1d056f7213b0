import { UsageError } from '@formers/cli';
import { readRows, type Row, shuffledIndices, splitItems } from '@formers/data';

import type { TaskConfig } from '../options.ts';
import { brown } from './brown.ts';
import { cldr } from './cldr.ts';
import { spamAssassin } from './spam-assassin.ts';

/** Rows to learn and rows to evaluate on. */
export interface RowSplit {
  readonly train: readonly Row[];
  readonly validation: readonly Row[];
}

/** Reads the user's files or a data set by name. What is held out depends on the seed alone. */
export async function loadRows(config: TaskConfig): Promise<RowSplit> {
  const { validationData, validation, limit, seed } = config;
  const all = await readData(config);
  const rows = limit === undefined || limit >= all.length ? all : some(all, { limit, seed });
  if (validationData !== undefined) return { train: rows, validation: await readRows(validationData) };
  if (rows.length < 2)
    throw new UsageError(`--data has ${rows.length} row, and none is left to evaluate on; see --validation-data`);
  if (validation === 0) throw new UsageError('--validation must be above 0, or there must be --validation-data');
  return splitItems(rows, { validation: Math.max(validation, 1 / rows.length), seed });
}

/** Two languages out of `en-de`. @throws {@link UsageError} */
export function languagesOf({ languages = 'en-de' }: Pick<TaskConfig, 'languages'>): {
  source: string;
  target: string;
} {
  const [source = '', target = '', ...more] = languages.split(/[-_:](?=[a-z]{2,3}(?:-|$))/);
  if (source && target && more.length === 0) return { source, target };
  throw new UsageError(`--languages must be two of them, such as en-de, got "${languages}"`);
}

/** Names of columns out of `text=review,label=stars`. @throws {@link UsageError} for a column that the task hasn't. */
export function columnsOf<Name extends string>(
  { columns }: Pick<TaskConfig, 'columns'>,
  names: readonly Name[],
): { columns: Partial<Record<Name, string>> } {
  const entries = (columns ?? '').split(',').filter((entry) => entry !== '');
  const found: Partial<Record<Name, string>> = {};
  for (const entry of entries) {
    const [name = '', column = ''] = entry.split('=').map((part) => part.trim());
    const known = names.find((other) => other === name);
    if (known === undefined || column === '')
      throw new UsageError(
        `--columns must be of the form ${names.map((other) => `${other}=yours`).join(',')}, got "${entry}"`,
      );
    found[known] = column;
  }
  return { columns: found };
}

function readData(config: TaskConfig): Promise<Row[]> {
  const { data } = config;
  switch (data.length === 1 ? data[0] : undefined) {
    case 'spam-assassin':
      return spamAssassin();
    case 'brown':
      return brown();
    case 'cldr':
      return cldr(languagesOf(config));
    default:
      return readRows(data);
  }
}

function some(rows: readonly Row[], { limit, seed }: { limit: number; seed: number }): Row[] {
  const chosen = shuffledIndices(rows.length, { seed, epoch: 0 }).slice(0, limit).sort();
  return Array.from(chosen, (i) => rows[i] as Row);
}
