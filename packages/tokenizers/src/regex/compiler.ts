import { TokenizerError } from '../errors.ts';
import type { CharSet } from './char-set.ts';
import { fixedLength, isNullable, type Node, type Place } from './syntax.ts';

const maxInstructions = 20_000;

/** One step of a program; `next` and `other` are places in it, `program` a program of its own. */
export type Instruction =
  | { readonly op: 'set'; readonly set: CharSet }
  | { readonly op: 'run'; readonly set: CharSet; readonly min: number; readonly max: number } // as many as there are, fewer on failure
  | { readonly op: 'split'; next: number; other: number; readonly guard: boolean } // `next` first; a guard is passed once per place
  | { readonly op: 'jump'; next: number }
  | { readonly op: 'place'; readonly place: Place }
  | { readonly op: 'ahead'; readonly program: Program; readonly negative: boolean }
  | {
      readonly op: 'behind';
      readonly programs: readonly { readonly program: Program; readonly length: number }[];
      readonly negative: boolean;
    }
  | { readonly op: 'atomic'; readonly program: Program }
  | { readonly op: 'accept' };

/** A compiled regular expression. */
export type Program = readonly Instruction[];

/** Compiles a parsed expression. Throws a TokenizerError with code `regex` where counted repetitions make it too large. */
export function compileRegex(node: Node): Program {
  return new Compiler({ left: maxInstructions }).compile(node);
}

class Compiler {
  readonly #program: Instruction[] = [];
  readonly #budget: { left: number };

  constructor(budget: { left: number }) {
    this.#budget = budget;
  }

  compile(node: Node): Program {
    this.#emit(node);
    this.#push({ op: 'accept' });
    return this.#program;
  }

  #emit(node: Node): void {
    switch (node.kind) {
      case 'set':
        this.#push({ op: 'set', set: node.set });
        return;
      case 'sequence':
        for (const part of node.parts) this.#emit(part);
        return;
      case 'choice':
        this.#choice(node.options);
        return;
      case 'repeat':
        this.#repeat(node);
        return;
      case 'place':
        this.#push({ op: 'place', place: node.place });
        return;
      case 'ahead':
        this.#push({ op: 'ahead', program: this.#inner(node.body), negative: node.negative });
        return;
      case 'behind':
        this.#behind(node);
        return;
      case 'atomic':
        this.#push({ op: 'atomic', program: this.#inner(node.body) });
    }
  }

  #choice(options: readonly Node[]): void {
    const jumps: { next: number }[] = [];
    for (const [index, option] of options.entries()) {
      if (index === options.length - 1) {
        this.#emit(option);
        break;
      }
      const split = this.#split();
      this.#emit(option);
      jumps.push(this.#jump());
      split.other = this.#program.length;
    }
    for (const jump of jumps) jump.next = this.#program.length;
  }

  #repeat(node: Node & { kind: 'repeat' }): void {
    const { body, min, max, mode } = node;
    if (mode === 'possessive') {
      this.#push({ op: 'atomic', program: this.#inner({ ...node, mode: 'greedy' }) });
      return;
    }
    if (body.kind === 'set' && mode === 'greedy') {
      this.#push({ op: 'run', set: body.set, min, max });
      return;
    }
    for (let count = 0; count < min; count++) this.#emit(body);
    if (max === Infinity) {
      const begin = this.#program.length;
      const split = this.#split(isNullable(body));
      this.#emit(body);
      this.#jump().next = begin;
      this.#leave(split, mode);
    } else {
      const splits = [];
      for (let count = min; count < max; count++) {
        splits.push(this.#split());
        this.#emit(body);
      }
      for (const split of splits) this.#leave(split, mode);
    }
  }

  /** The way out of a repetition is here: the second choice, or the first one of a lazy repetition. */
  #leave(split: { next: number; other: number }, mode: string): void {
    split.other = this.#program.length;
    if (mode === 'lazy') [split.next, split.other] = [split.other, split.next];
  }

  #behind(node: Node & { kind: 'behind' }): void {
    const options = node.body.kind === 'choice' ? node.body.options : [node.body];
    const programs = options.map((option) => {
      const length = fixedLength(option);
      if (length === undefined)
        throw new TokenizerError(
          'regex',
          'regular expression: not supported: looking behind for text of no fixed length',
        );
      return { program: this.#inner(option), length };
    });
    this.#push({ op: 'behind', programs, negative: node.negative });
  }

  #inner(node: Node): Program {
    return new Compiler(this.#budget).compile(node);
  }

  /** A split whose first choice is the instruction that comes next. */
  #split(guard = false): Instruction & { op: 'split' } {
    return this.#push({ op: 'split', next: this.#program.length + 1, other: 0, guard });
  }

  #jump(): Instruction & { op: 'jump' } {
    return this.#push({ op: 'jump', next: 0 });
  }

  #push<T extends Instruction>(instruction: T): T {
    if (--this.#budget.left < 0) throw new TokenizerError('regex', 'regular expression: too large');
    this.#program.push(instruction);
    return instruction;
  }
}
