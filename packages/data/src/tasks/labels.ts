import { DataError } from '../errors.ts';
import type { Row } from '../rows/row.ts';

/** A value that names a class, and where it was found. */
export interface FoundLabel {
  readonly value: unknown;
  readonly row: Row;
  readonly column: string;
}

/**
 * Names of classes: those given, or else all names that come, in alphabetical order; `LABEL_0`, `LABEL_1`, ... where classes are whole numbers.
 */
export function labelNames(found: Iterable<FoundLabel>, given: readonly string[] | undefined): readonly string[] {
  if (given) return given;
  const names = new Set<string>();
  let largest = -1;
  for (const { value, row, column } of found) {
    const id = wholeNumber(value);
    if (id === undefined && typeof value === 'string' && value !== '') names.add(value);
    else if (id !== undefined && id >= 0 && id < MOST_LABELS) largest = Math.max(largest, id);
    else row.wrong(column, { wanted: `the name of a class or a whole number in [0, ${MOST_LABELS})`, code: 'label' });
  }
  if (names.size === 0) return Array.from({ length: largest + 1 }, (_, id) => `LABEL_${id}`);
  if (largest < 0) return [...names].sort();
  throw new DataError('label', `labels must be all names or all numbers, got both ${[...names][0]} and ${largest}`);
}

/**
 * The id of a class.
 *
 * @throws {@link DataError} `label` naming file, row and column for a class that there isn't.
 */
export function labelId({ value, row, column }: FoundLabel, names: ReadonlyMap<string, number>): number {
  const id = (typeof value === 'string' ? names.get(value) : undefined) ?? wholeNumber(value);
  if (id !== undefined && id >= 0 && id < names.size) return id;
  const list = [...names.keys()];
  const shown = list.length > 8 ? `${list.slice(0, 8).join(', ')}, …` : list.join(', ');
  return row.wrong(column, { wanted: `a whole number in [0, ${list.length}) or one of ${shown}`, code: 'label' });
}

/** Ids by name. */
export function labelIds(names: readonly string[]): Map<string, number> {
  return new Map(names.map((name, id) => [name, id]));
}

/** A whole number, also one that a CSV file or a parquet file has in its own way. */
function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value;
  const plain = typeof number === 'bigint' ? Number(number) : number;
  return typeof plain === 'number' && Number.isSafeInteger(plain) ? plain : undefined;
}

const MOST_LABELS = 100_000;
