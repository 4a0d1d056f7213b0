import { TokenizerError } from '../errors.ts';
import type { FindMatches } from '../pre-tokenizers/split.ts';
import { compileRegex, type Instruction, type Program } from './compiler.ts';
import { parseRegex } from './parser.ts';
import { wordCharacters } from './properties.ts';
import type { Place } from './syntax.ts';

/** How many steps a search may take per character of the text before it gives up. */
const stepsPerCharacter = 400;

const firstWay = -1;
const secondWay = -2;

/**
 * A regular expression of the files (Oniguruma's syntax) as a search for all matches, leftmost first, with the priorities of backtracking.
 * A step that failed at some place of the text is not tried there again, so that the time is linear in the length of the text; what
 * this can't bound (text looked ahead at again and again) ends in a TokenizerError with code `regex`.
 */
export function regexMatcher(pattern: string): FindMatches {
  const program = compileRegex(parseRegex(pattern));
  return (text) => new Search(text).findAll(program);
}

class Search {
  readonly #text: string;
  readonly #failed = new Map<Instruction, Uint8Array>(); // by place: 1 where going on from here failed
  readonly #passed = new Map<Instruction, Int32Array>(); // by place: the last attempt that passed a guard
  #stack = new Int32Array(96); // what is left to try: (program counter, place, least end of a run | which way of a split)
  #attempt = 0; // number of the place where a match is tried
  #end = 0; // of the match that was found last
  #scanned = 0; // end of the run that was scanned last
  #stepsLeft: number;

  constructor(text: string) {
    this.#text = text;
    this.#stepsLeft = stepsPerCharacter * (text.length + 100);
  }

  findAll(program: Program): number[] {
    const matches: number[] = [];
    const { length } = this.#text;
    let lastEnd = -1;
    for (let from = 0; from <= length;) {
      const start = this.#findFrom(program, from);
      if (start < 0) break;
      const end = this.#end;
      if (start === end && end === lastEnd) {
        from = this.#after(from); // no empty match right behind a match
        continue;
      }
      matches.push(start, end);
      from = end;
      lastEnd = end;
    }
    return matches;
  }

  #findFrom(program: Program, from: number): number {
    for (let start = from; start <= this.#text.length; start = this.#after(start)) {
      this.#attempt++;
      const end = this.#run(program, start, 0);
      if (end >= 0) {
        this.#end = end;
        return start;
      }
    }
    return -1;
  }

  /** Where a match of `program` that begins at `position` ends, or -1. Uses the stack above `base`. */
  #run(program: Program, position: number, base: number): number {
    let counter = 0;
    let height = base;
    for (;;) {
      if (--this.#stepsLeft < 0) throw new TokenizerError('regex', 'regular expression: takes too long on this text');
      const instruction = program[counter];
      if (instruction === undefined || instruction.op === 'accept') return position;
      let ok = true;
      switch (instruction.op) {
        case 'set': {
          const codePoint = this.#text.codePointAt(position);
          ok = codePoint !== undefined && instruction.set.has(codePoint);
          if (ok) position += codePoint !== undefined && codePoint > 0xffff ? 2 : 1;
          counter++;
          break;
        }
        case 'run': {
          const least = this.#scan(instruction, position);
          ok = least >= 0;
          if (ok) {
            height = this.#push(height, counter, this.#scanned, least);
            position = this.#scanned;
          }
          counter++;
          break;
        }
        case 'split':
          ok = !this.#hasFailed(instruction, position) && !(instruction.guard && this.#passes(instruction, position));
          if (ok) {
            height = this.#push(height, counter, position, firstWay);
            counter = instruction.next;
          }
          break;
        case 'jump':
          counter = instruction.next;
          break;
        case 'place':
          ok = this.#isAt(instruction.place, position);
          counter++;
          break;
        case 'ahead':
          ok = this.#run(instruction.program, position, height) >= 0 !== instruction.negative;
          counter++;
          break;
        case 'behind':
          ok = this.#isBehind(instruction, position, height) !== instruction.negative;
          counter++;
          break;
        case 'atomic': {
          const end = this.#run(instruction.program, position, height);
          ok = end >= 0;
          position = end;
          counter++;
        }
      }
      while (!ok) {
        if (height === base) return -1;
        height -= 3;
        counter = this.#stack[height] ?? 0;
        position = this.#stack[height + 1] ?? 0;
        const least = this.#stack[height + 2] ?? 0;
        const tried = program[counter];
        if (tried?.op === 'run') {
          if (tried.max === Infinity) this.#fail(tried, position);
          if (position > least) {
            position = this.#before(position);
            height = this.#push(height, counter, position, least);
            counter++;
            ok = true;
          }
        } else if (tried?.op === 'split' && least === firstWay) {
          height = this.#push(height, counter, position, secondWay);
          counter = tried.other;
          ok = true;
        } else if (tried) {
          this.#fail(tried, position); // both ways of a split
        }
      }
    }
  }

  /**
   * How far a run reaches, in `#scanned`; returns the least end that it may give back to, or -1. An open run stops before a place
   * where it was before and failed: all that begins there would fail again.
   */
  #scan(instruction: Instruction & { op: 'run' }, start: number): number {
    const { set, min, max } = instruction;
    const failed = max === Infinity ? this.#failed.get(instruction) : undefined;
    let position = start;
    for (let count = 0; count < min; count++) {
      const codePoint = this.#text.codePointAt(position);
      if (codePoint === undefined || !set.has(codePoint)) return -1;
      position += codePoint > 0xffff ? 2 : 1;
    }
    const least = position;
    if (failed?.[least] === 1) return -1;
    for (let count = min; count < max; count++) {
      const codePoint = this.#text.codePointAt(position);
      if (codePoint === undefined || !set.has(codePoint)) break;
      const next = position + (codePoint > 0xffff ? 2 : 1);
      if (failed?.[next] === 1) break;
      position = next;
    }
    this.#stepsLeft -= position - start;
    this.#scanned = position;
    return least;
  }

  #push(height: number, counter: number, position: number, third: number): number {
    if (height + 3 > this.#stack.length) {
      const grown = new Int32Array(this.#stack.length * 2);
      grown.set(this.#stack);
      this.#stack = grown;
    }
    this.#stack[height] = counter;
    this.#stack[height + 1] = position;
    this.#stack[height + 2] = third;
    return height + 3;
  }

  #hasFailed(instruction: Instruction, position: number): boolean {
    return this.#failed.get(instruction)?.[position] === 1;
  }

  #fail(instruction: Instruction, position: number): void {
    let places = this.#failed.get(instruction);
    if (!places) this.#failed.set(instruction, (places = new Uint8Array(this.#text.length + 1)));
    places[position] = 1;
  }

  /** Whether this attempt was here before without taking a character since; notes that it is. */
  #passes(instruction: Instruction, position: number): boolean {
    let places = this.#passed.get(instruction);
    if (!places) this.#passed.set(instruction, (places = new Int32Array(this.#text.length + 1)));
    if (places[position] === this.#attempt) return true;
    places[position] = this.#attempt;
    return false;
  }

  #isAt(place: Place, position: number): boolean {
    const text = this.#text;
    switch (place) {
      case 'text-begin':
        return position === 0;
      case 'text-end':
        return position === text.length;
      case 'line-begin':
        return position === 0 || (text.charAt(position - 1) === '\n' && position < text.length);
      case 'line-end':
        return position === text.length || text.charAt(position) === '\n';
      case 'last-line-end':
        return position === text.length || (position === text.length - 1 && text.charAt(position) === '\n');
      case 'word-edge':
        return this.#isEdge(position);
      case 'no-word-edge':
        return !this.#isEdge(position);
    }
  }

  #isEdge(position: number): boolean {
    const isWord = (index: number): boolean =>
      index >= 0 && index < this.#text.length && wordCharacters.has(this.#text.codePointAt(index) ?? 0);
    return (position > 0 && isWord(this.#before(position))) !== isWord(position);
  }

  #isBehind({ programs }: Instruction & { op: 'behind' }, position: number, height: number): boolean {
    return programs.some(({ program, length }) => {
      let start = position;
      for (let count = 0; count < length; count++) {
        if (start === 0) return false;
        start = this.#before(start);
      }
      return this.#run(program, start, height) === position;
    });
  }

  #before(position: number): number {
    return position > 1 && (this.#text.codePointAt(position - 2) ?? 0) > 0xffff ? position - 2 : position - 1;
  }

  #after(position: number): number {
    return position + ((this.#text.codePointAt(position) ?? 0) > 0xffff ? 2 : 1);
  }
}
