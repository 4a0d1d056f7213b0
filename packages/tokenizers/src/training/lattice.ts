import type { PieceTrie } from '../models/piece-trie.ts';
import { PriorityQueue } from './priority-queue.ts';

/** A vocabulary being trained: pieces with scores, and a way to find them. Piece 0 stands for unknown characters. */
export interface PieceModel {
  readonly trie: PieceTrie;
  readonly scores: Float64Array;
  readonly unknownScore: number;
}

interface LatticeNode {
  readonly piece: number;
  readonly begin: number;
  readonly score: number;
  readonly index: number;
  best: number; // score of the best path that ends with this node
  previous: LatticeNode | undefined;
}

/** All ways to split a word into pieces. Kudo, "Subword Regularization" (2018), section 3. */
export class Lattice {
  readonly #beginning: LatticeNode[][];
  readonly #ending: LatticeNode[][];
  readonly #first: LatticeNode;
  readonly #last: LatticeNode;
  #count = 0;

  constructor(word: string, model: PieceModel) {
    this.#beginning = Array.from({ length: word.length + 1 }, () => []);
    this.#ending = Array.from({ length: word.length + 1 }, () => []);
    this.#first = this.#add({ piece: -1, begin: 0, end: 0, score: 0 });
    this.#beginning[0]?.pop(); // the node before the word only ends
    for (let begin = 0; begin < word.length;) {
      const next = begin + ((word.codePointAt(begin) ?? 0) > 0xffff ? 2 : 1);
      let hasCharacter = false;
      model.trie.forEachPrefix(word, begin, (piece, end) => {
        this.#add({ piece, begin, end, score: model.scores[piece] ?? 0 });
        if (end === next) hasCharacter = true;
      });
      if (!hasCharacter) this.#add({ piece: 0, begin, end: next, score: model.unknownScore });
      begin = next;
    }
    this.#last = this.#add({ piece: -1, begin: word.length, end: word.length, score: 0 });
    this.#ending[word.length]?.pop(); // the node behind the word only begins
  }

  /** The pieces of the most probable split. */
  viterbi(): number[] {
    this.#scoreBestPaths();
    const pieces: number[] = [];
    for (let node = this.#last.previous; node && node !== this.#first; node = node.previous) pieces.push(node.piece);
    return pieces.reverse();
  }

  /** The pieces of the `count` most probable splits, best first (A* from the end, with the best paths as bounds). */
  best(count: number): number[][] {
    this.#scoreBestPaths();
    interface Hypothesis {
      readonly node: LatticeNode;
      readonly next: Hypothesis | undefined;
      readonly bound: number;
      readonly score: number;
    }
    const agenda = new PriorityQueue<Hypothesis>((a, b) => a.bound > b.bound);
    const found: number[][] = [];
    agenda.push({ node: this.#last, next: undefined, bound: 0, score: 0 });
    for (let top = agenda.pop(); top && found.length < count; top = agenda.pop()) {
      if (top.node === this.#first) {
        const pieces: number[] = [];
        for (let step = top.next; step && step.node !== this.#last; step = step.next) pieces.push(step.node.piece);
        found.push(pieces);
        continue;
      }
      for (const node of this.#ending[top.node.begin] ?? []) {
        agenda.push({ node, next: top, bound: node.best + top.score, score: node.score + top.score });
      }
    }
    return found;
  }

  /** Adds to `expected` how often each piece is used, weighted by the probability of the splits and by `count`. */
  addExpectations(expected: Float64Array, count: number): void {
    const forward = new Float64Array(this.#count);
    const backward = new Float64Array(this.#count);
    for (const [position, right] of this.#beginning.entries()) {
      for (const node of right) {
        for (const [index, before] of (this.#ending[position] ?? []).entries()) {
          forward[node.index] = addLogs(
            forward[node.index] ?? 0,
            before.score + (forward[before.index] ?? 0),
            index === 0,
          );
        }
      }
    }
    for (let position = this.#ending.length - 1; position >= 0; position--) {
      for (const node of this.#ending[position] ?? []) {
        for (const [index, after] of (this.#beginning[position] ?? []).entries()) {
          backward[node.index] = addLogs(
            backward[node.index] ?? 0,
            after.score + (backward[after.index] ?? 0),
            index === 0,
          );
        }
      }
    }
    const total = forward[this.#last.index] ?? 0;
    for (const nodes of this.#beginning) {
      for (const node of nodes) {
        if (node.piece < 0) continue;
        const logProbability = (forward[node.index] ?? 0) + node.score + (backward[node.index] ?? 0) - total;
        expected[node.piece] = (expected[node.piece] ?? 0) + count * Math.exp(logProbability);
      }
    }
  }

  #add({ piece, begin, end, score }: { piece: number; begin: number; end: number; score: number }): LatticeNode {
    const node: LatticeNode = { piece, begin, score, index: this.#count++, best: 0, previous: undefined };
    this.#beginning[begin]?.push(node);
    this.#ending[end]?.push(node);
    return node;
  }

  #scoreBestPaths(): void {
    for (const [position, nodes] of this.#beginning.entries()) {
      for (const node of nodes) {
        node.previous = undefined;
        for (const before of this.#ending[position] ?? []) {
          const score = before.best + node.score;
          if (node.previous && !(score > node.best)) continue;
          node.previous = before;
          node.best = score;
        }
      }
    }
  }
}

/** log(exp(a) + exp(b)), or b at the first call of a sum. */
function addLogs(a: number, b: number, isFirst: boolean): number {
  if (isFirst) return b;
  const [low, high] = a > b ? [b, a] : [a, b];
  return high > low + 50 ? high : high + Math.log(Math.exp(low - high) + 1);
}
