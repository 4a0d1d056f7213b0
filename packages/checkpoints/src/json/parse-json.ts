import { CheckpointError } from '../errors.ts';
import { decodeUtf8, isNumberStart, JsonScanner } from './json-scanner.ts';
import { pythonNumber } from './python-number.ts';

/** Anything that JSON can hold. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/** An object read from JSON. It has no prototype: `__proto__` and `constructor` are keys like others, and are absent when the file lacks them. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** How {@link parseJsonObject} reads. */
export interface ParseJsonOptions {
  /** What is read, for messages. */
  readonly where?: string;
  /** Largest text, in bytes (of a string: UTF-16 units); 64,000,000 unless told. */
  readonly maxBytes?: number;
}

/** How a number in an object or array was spelled, where that differs from how Python would spell its value. */
const spellings = new WeakMap<object, Map<string, string>>();

/**
 * Reads a JSON file that holds one object, such as `config.json`. Strict: duplicate keys, lone surrogates, NaN, more than 127 levels,
 * and text after the object are refused with code `json`; another value than an object with `config`; a long text with `too-large`.
 *
 * Numbers become doubles; {@link serializeJson} gives back how they were spelled (`1.0`, or more digits than a double holds).
 */
export function parseJsonObject(source: string | Uint8Array, options: ParseJsonOptions = {}): JsonObject {
  const { where = 'parseJsonObject', maxBytes = 64_000_000 } = options;
  if (source.length > maxBytes)
    throw new CheckpointError('too-large', `${where}: must have at most ${maxBytes} bytes, got ${source.length}`);
  const text = typeof source === 'string' ? source : decodeUtf8(source, { where, code: 'json' });
  const scanner = new JsonScanner(text, { where, code: 'json' });
  const value = readValue(scanner);
  scanner.end();
  if (!isJsonObject(value))
    throw new CheckpointError('config', `${where}: must be a JSON object, got ${kindOf(value)}`);
  return value;
}

/** Whether a value is an object: neither an array nor null. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The spelling that the number at `key` had when this object or array was read, if Python would spell it in another way. */
export function spellingOf(container: object, key: string): string | undefined {
  return spellings.get(container)?.get(key);
}

function readValue(scanner: JsonScanner): JsonValue {
  const first = scanner.peek();
  if (first === '{') {
    const object = Object.create(null) as JsonObject;
    scanner.object((key) => (object[key] = readMember(scanner, object, key)));
    return object;
  }
  if (first === '[') {
    const array: JsonValue[] = [];
    scanner.array(() => array.push(readMember(scanner, array, String(array.length))));
    return array;
  }
  if (first === '"') return scanner.string();
  return isNumberStart(first) ? Number(scanner.numberText()) : scanner.literal();
}

function readMember(scanner: JsonScanner, container: object, key: string): JsonValue {
  if (!isNumberStart(scanner.peek())) return readValue(scanner);
  const text = scanner.numberText();
  const value = Number(text);
  if (pythonNumber(value) !== text) {
    const known = spellings.get(container) ?? new Map<string, string>();
    spellings.set(container, known.set(key, text));
  }
  return value;
}

function kindOf(value: JsonValue): string {
  return Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`;
}
