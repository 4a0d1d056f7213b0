import { TokenizerError } from '../errors.ts';
import { MinHeap } from '../min-heap.ts';
import { PairTable } from '../pair-table.ts';
import type { Vocabulary } from './vocabulary.ts';

/** The most merges that a file may have. */
export const maxMerges = 2_000_000;

/** Merges: rank by pair of ids, and the id that a merge makes by rank. */
export interface MergeRules {
  readonly ranks: PairTable;
  readonly results: Int32Array;
}

/** Reads `[["a", "b"], ...]` or the older `["a b", ...]`; refuses merges whose parts or result are not in the vocabulary. */
export function readMerges(
  merges: readonly unknown[],
  { vocabulary, prefixLength, place }: { vocabulary: Vocabulary; prefixLength: number; place: string },
): MergeRules {
  if (merges.length > maxMerges)
    throw new TokenizerError('limit', `${place}: at most ${maxMerges} merges, got ${merges.length}`);
  const lines = merges.filter((merge) => typeof merge !== 'string' || !merge.startsWith('#version'));
  const ranks = new PairTable(lines.length);
  const results = new Int32Array(lines.length);
  const idOf = (token: string, rank: number): number => {
    const id = vocabulary.ids.get(token);
    if (id === undefined)
      throw new TokenizerError('merges', `${place}[${rank}]: ${JSON.stringify(token)} is not in the vocabulary`);
    return id;
  };
  for (const [rank, merge] of lines.entries()) {
    const [left, right, rest] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    if (typeof left !== 'string' || typeof right !== 'string' || rest !== undefined) {
      throw new TokenizerError('merges', `${place}[${rank}]: expected two tokens, got ${JSON.stringify(merge)}`);
    }
    ranks.set(idOf(left, rank), idOf(right, rank), rank);
    results[rank] = idOf(left + right.slice(prefixLength), rank);
  }
  return { ranks, results };
}

/** A word as a linked list of symbols, merged in place. One list serves many words, so that nothing is allocated per word. */
export class MergeList {
  readonly #rules: MergeRules;
  readonly #heap = new MinHeap();
  #ids = new Int32Array(64);
  #lengths = new Int32Array(64); // 0 once merged into the symbol before
  #previous = new Int32Array(64);
  #next = new Int32Array(64);
  #count = 0;

  constructor(rules: MergeRules) {
    this.#rules = rules;
  }

  clear(): void {
    this.#count = 0;
  }

  add(id: number, length: number): void {
    if (this.#count === this.#ids.length) this.#grow();
    const index = this.#count++;
    this.#ids[index] = id;
    this.#lengths[index] = length;
    this.#previous[index] = index - 1;
    this.#next[index] = index + 1;
  }

  /** Visits the symbols that are left, in order. */
  forEach(visit: (id: number, length: number) => void): void {
    for (let index = 0; index < this.#count; index++) {
      const length = this.#lengths[index] ?? 0;
      if (length > 0) visit(this.#ids[index] ?? 0, length);
    }
  }

  /**
   * Applies merges, lowest rank first, leftmost first. Heap entries are `rank * count + position`; an entry is stale when the pair
   * at its position would no longer make the same token.
   */
  mergeAll(): void {
    const { ranks, results } = this.#rules;
    const [ids, lengths, previous, next, count] = [this.#ids, this.#lengths, this.#previous, this.#next, this.#count];
    const heap = this.#heap;
    heap.clear();
    const offer = (position: number, following: number): void => {
      const rank = ranks.get(ids[position] ?? 0, ids[following] ?? 0);
      if (rank >= 0) heap.push(rank * count + position);
    };
    for (let position = 0; position + 1 < count; position++) offer(position, position + 1);
    while (heap.size > 0) {
      const key = heap.pop();
      const rank = Math.floor(key / count);
      const position = key - rank * count;
      const following = next[position] ?? count;
      if (lengths[position] === 0 || following >= count) continue;
      const current = ranks.get(ids[position] ?? 0, ids[following] ?? 0);
      const result = results[rank] ?? 0;
      if (current < 0 || results[current] !== result) continue;

      ids[position] = result;
      lengths[position] = (lengths[position] ?? 0) + (lengths[following] ?? 0);
      lengths[following] = 0;
      const after = next[following] ?? count;
      next[position] = after;
      if (after < count) {
        previous[after] = position;
        offer(position, after);
      }
      const before = previous[position] ?? -1;
      if (before >= 0) offer(before, position);
    }
  }

  #grow(): void {
    const grow = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(old.length * 2);
      grown.set(old);
      return grown;
    };
    this.#ids = grow(this.#ids);
    this.#lengths = grow(this.#lengths);
    this.#previous = grow(this.#previous);
    this.#next = grow(this.#next);
  }
}
