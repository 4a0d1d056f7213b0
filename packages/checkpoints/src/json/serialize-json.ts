import { compareCodePoints } from '../code-points.ts';
import { CheckpointError, quoted } from '../errors.ts';
import { spellingOf } from './parse-json.ts';
import { pythonFloat, pythonNumber } from './python-number.ts';

/** Anything that {@link serializeJson} writes; members that are undefined are left out. */
export type JsonLike =
  | null
  | boolean
  | number
  | string
  | readonly JsonLike[]
  | { readonly [key: string]: JsonLike | undefined };

/** How {@link serializeJson} writes; the defaults are those of Transformers' `save_pretrained` for configurations. */
export interface SerializeJsonOptions {
  /** What was read before: a number that is still the same at the same place keeps its spelling (`1.0`, not `1`). */
  readonly keepSpellingOf?: JsonLike | undefined;
  /** Keys whose numbers (also within arrays) are floats in Python: 1 is written `1.0`, unless `keepSpellingOf` has it otherwise. */
  readonly floatKeys?: ReadonlySet<string>;
  /** Keys in the order of their code points (`sort_keys`); true unless told. Otherwise in the order of the object. */
  readonly sortKeys?: boolean;
  /** Characters outside of ASCII as `\uXXXX` (`ensure_ascii`); true unless told. */
  readonly ensureAscii?: boolean;
  /** Blanks per level; 2 unless told. */
  readonly indent?: number;
  /** A line feed at the end; true unless told. */
  readonly finalNewline?: boolean;
}

/** Where a value stands: below which key of what, and what stood there in `keepSpellingOf`. */
interface Place {
  readonly key: string;
  readonly container: object;
  readonly before: JsonLike | undefined;
  readonly isFloat: boolean;
  readonly depth: number;
}

const maxDepth = 127;

/**
 * Writes JSON as Python's `json.dumps(value, indent=2, sort_keys=True) + "\n"` does: what {@link parseJsonObject} read from a file that
 * Transformers saved comes back byte for byte. Throws with code `json` on NaN, infinities, lone surrogates and cycles.
 *
 * ```ts
 * const config = await readJson(folder, 'config.json');
 * const text = serializeJson({ ...config, n_layer: 3 }, { keepSpellingOf: config });
 * ```
 */
export function serializeJson(value: JsonLike, options: SerializeJsonOptions = {}): string {
  const text = new JsonWriter(options).write(value, {
    key: 'value',
    container: { value },
    before: { value: options.keepSpellingOf },
    isFloat: false,
    depth: 0,
  });
  return (options.finalNewline ?? true) ? `${text}\n` : text;
}

class JsonWriter {
  readonly #floatKeys: ReadonlySet<string>;
  readonly #sortKeys: boolean;
  readonly #ensureAscii: boolean;
  readonly #indent: number;

  constructor({ floatKeys = new Set(), sortKeys = true, ensureAscii = true, indent = 2 }: SerializeJsonOptions) {
    this.#floatKeys = floatKeys;
    this.#sortKeys = sortKeys;
    this.#ensureAscii = ensureAscii;
    this.#indent = indent;
  }

  write(value: JsonLike, place: Place): string {
    if (value === null || typeof value === 'boolean') return String(value);
    if (typeof value === 'string') return this.#string(value);
    if (typeof value === 'number') return writeNumber(value, place);
    if (typeof value !== 'object')
      throw new CheckpointError('json', `serializeJson: ${quoted(place.key)} must be JSON, got a ${typeof value}`);
    if (place.depth >= maxDepth)
      throw new CheckpointError(
        'json',
        `serializeJson: wanted at most ${maxDepth} levels of nesting (or is it a cycle?)`,
      );
    return isArray(value) ? this.#array(value, place) : this.#object(value, place);
  }

  #array(array: readonly JsonLike[], place: Place): string {
    const before = memberOf(place.before, place.key);
    const items = array.map((item, i) =>
      this.write(item, { key: String(i), container: array, before, isFloat: place.isFloat, depth: place.depth + 1 }),
    );
    return this.#items('[', items, ']', place.depth);
  }

  #object(object: { readonly [key: string]: JsonLike | undefined }, place: Place): string {
    const before = memberOf(place.before, place.key);
    const keys = Object.keys(object);
    if (this.#sortKeys) keys.sort(compareCodePoints);
    const items: string[] = [];
    for (const key of keys) {
      const value = object[key];
      if (value === undefined) continue;
      const text = this.write(value, {
        key,
        container: object,
        before,
        isFloat: this.#floatKeys.has(key),
        depth: place.depth + 1,
      });
      items.push(`${this.#string(key)}: ${text}`);
    }
    return this.#items('{', items, '}', place.depth);
  }

  #items(open: string, items: readonly string[], close: string, depth: number): string {
    if (items.length === 0) return open + close;
    const outer = `\n${' '.repeat(this.#indent * depth)}`;
    const inner = outer + ' '.repeat(this.#indent);
    return open + inner + items.join(`,${inner}`) + outer + close;
  }

  #string(text: string): string {
    if (!text.isWellFormed()) throw new CheckpointError('json', `serializeJson: ${quoted(text)} has a lone surrogate`);
    const json = JSON.stringify(text); // the same escapes as Python's: \b \f \n \r \t, and \u00xx for other controls
    return this.#ensureAscii
      ? json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      : json;
  }
}

function writeNumber(value: number, place: Place): string {
  if (!Number.isFinite(value))
    throw new CheckpointError('json', `serializeJson: ${quoted(place.key)} must be finite, got ${value}`);
  const own = spellingOf(place.container, place.key);
  if (own !== undefined && Object.is(Number(own), value)) return own;
  if (isContainer(place.before) && Object.is(memberOf(place.before, place.key), value)) {
    return spellingOf(place.before, place.key) ?? pythonNumber(value);
  }
  return place.isFloat ? pythonFloat(value) : pythonNumber(value);
}

function memberOf(container: JsonLike | undefined, key: string): JsonLike | undefined {
  if (!isContainer(container) || !Object.hasOwn(container, key)) return undefined;
  return isArray(container) ? container[Number(key)] : container[key];
}

function isContainer(
  value: JsonLike | undefined,
): value is readonly JsonLike[] | { readonly [key: string]: JsonLike | undefined } {
  return typeof value === 'object' && value !== null;
}

/** `Array.isArray`, which does not narrow readonly arrays. */
function isArray(value: JsonLike): value is readonly JsonLike[] {
  return Array.isArray(value);
}
