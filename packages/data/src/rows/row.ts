import { DataError, type DataErrorCode } from '../errors.ts';

/** One row of a file: values by column, and where it stands, so that whatever is wrong with it can be named. */
export class Row {
  readonly values: Readonly<Record<string, unknown>>;
  /** Such as `reviews.csv, row 12`. */
  readonly where: string;

  constructor(values: Readonly<Record<string, unknown>>, where: string) {
    this.values = values;
    this.where = where;
  }

  /** Names of the columns. */
  get columns(): string[] {
    return Object.keys(this.values);
  }

  has(column: string): boolean {
    return Object.hasOwn(this.values, column);
  }

  /** Whatever is in a column. */
  get(column: string): unknown {
    if (this.has(column)) return this.values[column];
    const columns = this.columns.map((name) => JSON.stringify(name)).join(', ');
    throw new DataError('column', `${this.where}: there is no column "${column}", but ${columns || 'none at all'}`);
  }

  /** A text; an empty one counts as missing. */
  text(column: string): string {
    const value = this.get(column);
    if (typeof value === 'string' && value.trim() !== '') return value;
    return this.wrong(column, { wanted: 'a text' });
  }

  /** A list: an array, JSON's text for one, or words with spaces between. */
  list(column: string): readonly unknown[] {
    let value = this.get(column);
    if (typeof value === 'string') value = value.trimStart().startsWith('[') ? this.#json(column, value) : words(value);
    return Array.isArray(value) ? value : this.wrong(column, { wanted: 'a list' });
  }

  /** An object, or JSON's text for one. */
  object(column: string): Readonly<Record<string, unknown>> {
    let value = this.get(column);
    if (typeof value === 'string') value = this.#json(column, value);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    return this.wrong(column, { wanted: 'an object' });
  }

  /** Throws a {@link DataError} that says what the column should hold and what it holds. */
  wrong(column: string, { wanted, code = 'column' }: { wanted: string; code?: DataErrorCode }): never {
    const text = JSON.stringify(this.values[column], (_, value) => (typeof value === 'bigint' ? Number(value) : value));
    const got = text === undefined ? 'nothing' : text.length > 80 ? `${text.slice(0, 80)}…` : text;
    throw new DataError(code, `${this.where}: column "${column}" must be ${wanted}, got ${got}`);
  }

  #json(column: string, text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      return this.wrong(column, { wanted: 'valid JSON' });
    }
  }
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
