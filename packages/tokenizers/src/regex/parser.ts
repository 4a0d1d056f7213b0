import { TokenizerError } from '../errors.ts';
import { CharSet, complement, ignoringCase, intersection, range, union } from './char-set.ts';
import { digits, hexDigits, posixClass, property, spaces, wordCharacters } from './properties.ts';
import type { Node, Place, RepeatMode } from './syntax.ts';

const maxRepeat = 1000;
const maxDepth = 100;

/** Parses the syntax of Oniguruma, as far as it can be matched in linear time; throws a TokenizerError with code `regex` for the rest. */
export function parseRegex(pattern: string): Node {
  return new Parser(pattern).parse();
}

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
}

class Parser {
  readonly #pattern: string;
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;
  #flags: Flags = { ignoreCase: false, dotAll: false };

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#chars = [...pattern];
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#chars.length) throw this.#error('unmatched )');
    return node;
  }

  #choice(): Node {
    if (++this.#depth > maxDepth) throw this.#error('nested too deeply');
    const flags = this.#flags;
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    this.#flags = flags;
    this.#depth--;
    const [only] = options;
    return only && options.length === 1 ? only : { kind: 'choice', options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#chars.length && this.#peek() !== '|' && this.#peek() !== ')') {
      const atom = this.#atom();
      if (atom) parts.push(this.#quantified(atom));
    }
    const [only] = parts;
    return only && parts.length === 1 ? only : { kind: 'sequence', parts };
  }

  #quantified(atom: Node): Node {
    for (;;) {
      const quantifier = this.#quantifier();
      if (!quantifier) return atom;
      atom = { kind: 'repeat', body: atom, ...quantifier };
    }
  }

  #quantifier(): { min: number; max: number; mode: RepeatMode } | undefined {
    const short = new Map([
      ['*', [0, Infinity]],
      ['+', [1, Infinity]],
      ['?', [0, 1]],
    ] as const).get(this.#peek() as '*');
    if (short) {
      this.#at++;
      const [min, max] = short;
      return { min, max, mode: this.#take('?') ? 'lazy' : this.#take('+') ? 'possessive' : 'greedy' };
    }
    const counted = /^\{(\d*)(,?)(\d*)\}/.exec(this.#chars.slice(this.#at, this.#at + 12).join(''));
    if (!counted) return undefined;
    const [text, low = '', comma, high = ''] = counted;
    if (low === '' && high === '') return undefined;
    this.#at += text.length;
    const min = low === '' ? 0 : Number(low);
    const max = comma ? (high === '' ? Infinity : Number(high)) : min;
    if (min > maxRepeat || (max > maxRepeat && max !== Infinity))
      throw this.#error(`repeated more than ${maxRepeat} times`);
    if (min > max) throw this.#error(`${text} counts down`);
    // a{n}? is no lazy repetition: it makes all of a{n} optional
    return { min, max, mode: min !== max && this.#take('?') ? 'lazy' : 'greedy' };
  }

  /** One atom; nothing for a group that only sets flags and for comments. */
  #atom(): Node | undefined {
    const char = this.#next();
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#set(this.#bracket());
      case '.':
        return {
          kind: 'set',
          set: this.#flags.dotAll ? new CharSet(() => true) : new CharSet((codePoint) => codePoint !== 0x0a),
        };
      case '^':
        return place('line-begin');
      case '$':
        return place('line-end');
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw this.#error(`nothing to repeat before ${char}`);
      default:
        return this.#literal(char);
    }
  }

  #group(): Node | undefined {
    if (!this.#take('?')) return this.#close(this.#choice());
    const char = this.#next();
    switch (char) {
      case ':':
        return this.#close(this.#choice());
      case '=':
      case '!':
        return { kind: 'ahead', body: this.#close(this.#choice()), negative: char === '!' };
      case '>':
        return { kind: 'atomic', body: this.#close(this.#choice()) };
      case '<': {
        const next = this.#next();
        if (next === '=' || next === '!')
          return { kind: 'behind', body: this.#close(this.#choice()), negative: next === '!' };
        while (this.#next() !== '>'); // the name of a group
        return this.#close(this.#choice());
      }
      case '#':
        while (this.#next() !== ')');
        return undefined;
      default:
        this.#at--;
        return this.#flagGroup();
    }
  }

  /** `(?i)` holds to the end of the group around it, `(?i:...)` for what it holds. */
  #flagGroup(): Node | undefined {
    let { ignoreCase, dotAll } = this.#flags;
    let on = true;
    for (;;) {
      const char = this.#next();
      if (char === '-') on = false;
      else if (char === 'i') ignoreCase = on;
      else if (char === 'm') dotAll = on;
      else if (char === ':' || char === ')') {
        const outer = this.#flags;
        this.#flags = { ignoreCase, dotAll };
        const rest = this.#choice();
        this.#flags = outer;
        return char === ':' ? this.#close(rest) : rest;
      } else throw this.#error(`group (?${char}`);
    }
  }

  #escape(): Node {
    const char = this.#next();
    const places: Record<string, Place> = {
      A: 'text-begin',
      z: 'text-end',
      Z: 'last-line-end',
      b: 'word-edge',
      B: 'no-word-edge',
    };
    const found = Object.hasOwn(places, char) ? places[char] : undefined;
    if (found) return place(found);
    return this.#set(this.#escapedSet(char));
  }

  /** The set that an escape stands for. */
  #escapedSet(char: string): CharSet {
    const shorthand = new Map([
      ['d', digits],
      ['w', wordCharacters],
      ['s', spaces],
      ['h', hexDigits],
    ]).get(char.toLowerCase());
    if (shorthand) return char === char.toLowerCase() ? shorthand : complement(shorthand);
    if (char === 'p' || char === 'P') {
      if (!this.#take('{')) throw this.#error('\\p without {');
      const inverse = this.#take('^');
      let name = '';
      for (let next = this.#next(); next !== '}'; next = this.#next()) name += next;
      const set = property(name);
      return inverse === (char === 'P') ? set : complement(set);
    }
    const codePoint = this.#escapedCodePoint(char);
    return range(codePoint, codePoint);
  }

  #escapedCodePoint(char: string): number {
    const control = new Map([
      ['t', 0x09],
      ['n', 0x0a],
      ['v', 0x0b],
      ['f', 0x0c],
      ['r', 0x0d],
      ['a', 0x07],
      ['e', 0x1b],
    ]).get(char);
    if (control !== undefined) return control;
    if (char === 'x') return this.#take('{') ? this.#hex(1, 8, '}') : this.#hex(1, 2);
    if (char === 'u') return this.#hex(4, 4);
    if (char === '0') return this.#octal();
    if (/^[a-zA-Z0-9]$/.test(char)) throw this.#error(`\\${char}`);
    return char.codePointAt(0) ?? 0;
  }

  #hex(least: number, most: number, end?: string): number {
    let text = '';
    while (text.length < most && /^[0-9a-fA-F]$/.test(this.#peek())) text += this.#next();
    if (text.length < least || (end !== undefined && !this.#take(end)))
      throw this.#error('a malformed hexadecimal escape');
    const codePoint = Number.parseInt(text, 16);
    if (codePoint > 0x10ffff) throw this.#error(`U+${text}`);
    return codePoint;
  }

  #octal(): number {
    let text = '0';
    while (text.length < 3 && /^[0-7]$/.test(this.#peek())) text += this.#next();
    return Number.parseInt(text, 8);
  }

  /** What stands in brackets, the `[` already read; with nested brackets and `&&`. */
  #bracket(): CharSet {
    if (++this.#depth > maxDepth) throw this.#error('nested too deeply');
    const inverse = this.#take('^');
    const operands: CharSet[] = [];
    let sets: CharSet[] = [];
    if (this.#peek() === ']') throw this.#error('an empty character class');
    while (!this.#take(']')) {
      if (this.#peek() === '&' && this.#chars[this.#at + 1] === '&') {
        this.#at += 2;
        operands.push(union(sets));
        sets = [];
      } else {
        sets.push(this.#bracketItem());
      }
    }
    this.#depth--;
    const all = operands.length > 0 ? intersection([...operands, union(sets)]) : union(sets);
    const folded = this.#flags.ignoreCase ? ignoringCase(all) : all;
    return inverse ? complement(folded) : folded;
  }

  #bracketItem(): CharSet {
    const char = this.#next();
    if (char === '[') return this.#posix() ?? this.#bracket();
    const isShorthand = char === '\\' && /^[dwshpDWSHP]$/.test(this.#peek());
    if (isShorthand) return this.#escapedSet(this.#next());
    const first = this.#bracketCodePoint(char);
    const ahead = this.#chars[this.#at + 1];
    if (this.#peek() !== '-' || ahead === undefined || ahead === ']' || ahead === '[') return range(first, first);
    this.#at++;
    if (this.#peek() === '\\' && /^[dwshpDWSHP]$/.test(ahead === '\\' ? (this.#chars[this.#at + 1] ?? '') : '')) {
      return union([range(first, first), range(0x2d, 0x2d)]);
    }
    const last = this.#bracketCodePoint(this.#next());
    if (last < first) throw this.#error('an empty range in a character class');
    return range(first, last);
  }

  #bracketCodePoint(char: string): number {
    if (char !== '\\') return char.codePointAt(0) ?? 0;
    const escaped = this.#next();
    return escaped === 'b' ? 0x08 : this.#escapedCodePoint(escaped);
  }

  #posix(): CharSet | undefined {
    const match = /^:(\^?)([a-z]+):\]/.exec(this.#chars.slice(this.#at, this.#at + 12).join(''));
    if (!match) return undefined;
    const [text, inverse, name = ''] = match;
    this.#at += text.length;
    return inverse ? complement(posixClass(name)) : posixClass(name);
  }

  #literal(char: string): Node {
    const codePoint = char.codePointAt(0) ?? 0;
    return this.#set(range(codePoint, codePoint));
  }

  #set(set: CharSet): Node {
    return { kind: 'set', set: this.#flags.ignoreCase ? ignoringCase(set) : set };
  }

  #close(node: Node): Node {
    if (!this.#take(')')) throw this.#error('missing )');
    return node;
  }

  #peek(): string {
    return this.#chars[this.#at] ?? '';
  }

  #next(): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw this.#error('unexpected end');
    return char;
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }

  #error(reason: string): TokenizerError {
    return new TokenizerError(
      'regex',
      `regular expression ${JSON.stringify(this.#pattern.slice(0, 200))}: not supported or malformed: ${reason}`,
    );
  }
}

function place(where: Place): Node {
  return { kind: 'place', place: where };
}
