import { CheckpointError, quoted, type CheckpointErrorCode } from '../errors.ts';

/** Deepest nesting that is read; serde_json, which reads headers in Python's library, stops there too. */
const maxDepth = 127;

const [quote, backslash, space] = [0x22, 0x5c, 0x20];

/**
 * Reads strict JSON (RFC 8259) piece by piece. Unlike `JSON.parse` it sees keys that stand twice and how a number is spelled, and
 * it refuses lone surrogates. The caller says what it wants next; anything else throws a CheckpointError with the given code.
 */
export class JsonScanner {
  readonly #text: string;
  readonly #where: string;
  readonly #code: CheckpointErrorCode;
  readonly #number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
  #position = 0;
  #depth = 0;

  constructor(text: string, { where, code }: { where: string; code: CheckpointErrorCode }) {
    this.#text = text;
    this.#where = where;
    this.#code = code;
  }

  /** The first character of the next value: `{`, `[`, `"`, or one of a number or literal; '' at the end. */
  peek(): string {
    this.#skipSpace();
    return this.#text.charAt(this.#position);
  }

  /** Reads an object; `readMember` must read the value of each key. */
  object(readMember: (key: string) => void): void {
    const seen = new Set<string>();
    this.#items('{', '}', () => {
      const key = this.string();
      if (seen.has(key)) this.fail(`the key ${quoted(key)} only once`);
      seen.add(key);
      if (this.peek() !== ':') this.fail(`a colon after the key ${quoted(key)}`);
      this.#position++;
      readMember(key);
    });
  }

  /** Reads an array; `readElement` must read each element. */
  array(readElement: () => void): void {
    this.#items('[', ']', readElement);
  }

  /** Reads a string. */
  string(): string {
    if (this.peek() !== '"') this.fail('a string');
    const begin = this.#position++;
    let escaped = false;
    for (;;) {
      const unit = this.#text.charCodeAt(this.#position++);
      if (unit === quote) break;
      if (!(unit >= space)) this.fail('a string without control characters and with an end'); // NaN past the end
      if (unit === backslash) {
        escaped = true;
        this.#position++;
      }
    }
    const value = escaped ? this.#unescape(begin) : this.#text.slice(begin + 1, this.#position - 1);
    if (!value.isWellFormed()) this.fail('a string without lone surrogates');
    return value;
  }

  /** Reads a number and returns it as it is spelled. */
  numberText(): string {
    this.#skipSpace();
    this.#number.lastIndex = this.#position;
    if (!this.#number.test(this.#text)) this.fail('a number');
    const text = this.#text.slice(this.#position, this.#number.lastIndex);
    if (!Number.isFinite(Number(text))) this.fail('a number within the range of a double');
    this.#position = this.#number.lastIndex;
    return text;
  }

  /** Reads `true`, `false` or `null`. */
  literal(): boolean | null {
    this.#skipSpace();
    for (const [text, value] of literals) {
      if (this.#text.startsWith(text, this.#position)) {
        this.#position += text.length;
        return value;
      }
    }
    return this.fail('a JSON value');
  }

  /** Reads any value and forgets it. */
  skip(): void {
    const first = this.peek();
    if (first === '{') this.object(() => this.skip());
    else if (first === '[') this.array(() => this.skip());
    else if (first === '"') this.string();
    else if (isNumberStart(first)) this.numberText();
    else this.literal();
  }

  /** Makes sure that only white space is left. */
  end(): void {
    if (this.peek() !== '') this.fail('nothing after the value');
  }

  /** Throws: `wanted` was wanted at the present place. */
  fail(wanted: string): never {
    const rest = this.#text.slice(this.#position, this.#position + 20);
    throw new CheckpointError(
      this.#code,
      `${this.#where}: wanted ${wanted} at character ${this.#position}, got ${rest === '' ? 'the end' : quoted(rest)}`,
    );
  }

  #items(open: string, close: string, readItem: () => void): void {
    if (this.peek() !== open) this.fail(open === '{' ? 'an object' : 'an array');
    if (++this.#depth > maxDepth) this.fail(`at most ${maxDepth} levels of nesting`);
    this.#position++;
    if (this.peek() !== close) {
      for (;;) {
        readItem();
        const next = this.peek();
        if (next === close) break;
        if (next !== ',') this.fail(`a comma or ${close}`);
        this.#position++;
      }
    }
    this.#position++;
    this.#depth--;
  }

  #skipSpace(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#position);
      if (unit !== space && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#position++;
    }
  }

  #unescape(begin: number): string {
    try {
      return JSON.parse(this.#text.slice(begin, this.#position)) as string; // the slice is one quoted string
    } catch {
      return this.fail('a string with valid escapes');
    }
  }
}

const literals: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/** Whether a value that begins with this character is a number. */
export function isNumberStart(character: string): boolean {
  return character === '-' || (character >= '0' && character <= '9');
}

/** The text in UTF-8 `bytes`; throws with the given code where they are not UTF-8. A byte-order mark stays and is refused later. */
export function decodeUtf8(bytes: Uint8Array, { where, code }: { where: string; code: CheckpointErrorCode }): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError(code, `${where}: must be UTF-8`, { cause });
  }
}
