import { TokenizerError } from './errors.ts';

/** A JSON object whose fields are read one by one, with the place named in errors. */
export class Fields {
  readonly place: string;
  readonly #value: ReadonlyMap<string, unknown>;

  constructor(value: unknown, place: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(place, 'an object', value);
    this.place = place;
    this.#value = new Map(Object.entries(value)); // a Map: `__proto__` and `constructor` are ordinary names
  }

  has(name: string): boolean {
    const value = this.#value.get(name);
    return value !== undefined && value !== null;
  }

  names(): Iterable<string> {
    return this.#value.keys();
  }

  get(name: string): unknown {
    return this.#value.get(name);
  }

  string(name: string, fallback?: string): string {
    return this.#read(name, 'a string', (value) => typeof value === 'string', fallback);
  }

  optionalString(name: string): string | undefined {
    return this.has(name) ? this.string(name) : undefined;
  }

  boolean(name: string, fallback?: boolean): boolean {
    return this.#read(name, 'a boolean', (value) => typeof value === 'boolean', fallback);
  }

  /** A whole number from 0 to 2^32 - 1. */
  count(name: string, fallback?: number): number {
    return this.#read(name, 'a whole number', isCount, fallback);
  }

  oneOf<T extends string>(name: string, choices: readonly T[], fallback?: T): T {
    const isChoice = (value: unknown): value is T => choices.some((choice) => choice === value);
    return this.#read(name, `one of ${choices.join(', ')}`, isChoice, fallback);
  }

  /** One Unicode character. */
  character(name: string): string {
    const value = this.string(name);
    if ([...value].length !== 1) throw wrong(`${this.place}.${name}`, 'one character', value);
    return value;
  }

  object(name: string): Fields {
    return new Fields(this.#value.get(name), `${this.place}.${name}`);
  }

  array(name: string): readonly unknown[] {
    return this.#read(name, 'an array', isArray);
  }

  objects(name: string): Fields[] {
    return this.array(name).map((value, index) => new Fields(value, `${this.place}.${name}[${index}]`));
  }

  /** A `[token, id]` pair. */
  tokenAndId(name: string): [token: string, id: number] {
    const [token, id] = this.array(name);
    if (typeof token !== 'string' || !isCount(id))
      throw wrong(`${this.place}.${name}`, '[token, id]', this.#value.get(name));
    return [token, id];
  }

  #read<T>(name: string, wanted: string, accepts: (value: unknown) => value is T, fallback?: T): T {
    const value = this.#value.get(name);
    if (accepts(value)) return value;
    if (fallback !== undefined && (value === undefined || value === null)) return fallback;
    throw wrong(`${this.place}.${name}`, wanted, value);
  }
}

/** A whole number from 0 to 2^32 - 1. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function wrong(place: string, wanted: string, value: unknown): TokenizerError {
  const shown = JSON.stringify(value) ?? 'nothing';
  return new TokenizerError(
    'format',
    `${place}: expected ${wanted}, got ${shown.length > 60 ? `${shown.slice(0, 60)}...` : shown}`,
  );
}
