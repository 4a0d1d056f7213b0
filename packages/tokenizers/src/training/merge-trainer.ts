import { PairTable } from '../pair-table.ts';
import { PriorityQueue } from './priority-queue.ts';

/** How merges are learned. */
export interface MergeTrainerOptions {
  readonly vocabSize: number;
  /** Pairs that are rarer are not merged. */
  readonly minFrequency?: number;
  /** Get the first ids. */
  readonly specialTokens?: readonly string[];
  /** Characters that are in the vocabulary whether seen or not. */
  readonly initialAlphabet?: readonly string[];
  /** Keep only this many characters, the most frequent ones. */
  readonly limitAlphabet?: number | undefined;
  /** Stands before pieces that do not begin a word, such as `##`. */
  readonly continuingPrefix?: string | undefined;
  /** Stands after pieces that end a word, such as `</w>`. */
  readonly wordEndSuffix?: string | undefined;
}

/** A learned vocabulary (token by id) and its merges in order. */
export interface LearnedMerges {
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [left: string, right: string])[];
}

interface Candidate {
  readonly pair: number; // index into the lists of pairs
  count: number;
  readonly words: readonly number[];
}

/**
 * Learns byte-pair merges from words and their counts: the most frequent pair first, between equals the pair of smaller ids.
 * Ids: special tokens, one-character pieces with affix, the alphabet (both in order of code points), then merges as they are learned.
 */
export function learnMerges(counts: ReadonlyMap<string, number>, options: MergeTrainerOptions): LearnedMerges {
  return new MergeTrainer(counts, options).train();
}

class MergeTrainer {
  readonly #options: MergeTrainerOptions;
  readonly #tokens: string[] = [];
  readonly #ids = new Map<string, number>();
  readonly #words: number[][] = [];
  readonly #wordCounts: number[] = [];
  readonly #pairIndex = new PairTable(1024);
  readonly #pairLeft: number[] = [];
  readonly #pairRight: number[] = [];
  readonly #pairCounts: number[] = [];
  readonly #queue = new PriorityQueue<Candidate>((a, b) => this.#before(a, b));
  #touched = new Map<number, number[]>(); // pair -> words where it newly stands

  constructor(counts: ReadonlyMap<string, number>, options: MergeTrainerOptions) {
    this.#options = options;
    for (const token of options.specialTokens ?? []) this.#idOf(token);
    const alphabet = chooseAlphabet(counts, options);
    const spelled = [...counts.keys()].map((word) => this.#spell(word, alphabet));
    const affixed = new Set(spelled.flat().filter((piece) => !alphabet.has(piece)));
    for (const piece of [...affixed].sort(byCodePoints)) this.#idOf(piece);
    for (const char of [...alphabet].sort(byCodePoints)) this.#idOf(char);
    for (const pieces of spelled) this.#words.push(pieces.map((piece) => this.#idOf(piece)));
    this.#wordCounts.push(...counts.values());
  }

  train(): LearnedMerges {
    const { vocabSize, minFrequency = 0, continuingPrefix = '' } = this.#options;
    const merges: [string, string][] = [];
    this.#countPairs();
    this.#enqueueTouched();
    while (this.#tokens.length < vocabSize) {
      const top = this.#queue.pop();
      if (!top) break;
      const count = this.#pairCounts[top.pair] ?? 0;
      if (top.count !== count) {
        top.count = count;
        this.#queue.push(top);
        continue;
      }
      if (count < 1 || count < minFrequency) break;
      const left = this.#tokens[this.#pairLeft[top.pair] ?? 0] ?? '';
      const right = this.#tokens[this.#pairRight[top.pair] ?? 0] ?? '';
      merges.push([left, right]);
      this.#merge(
        top,
        this.#idOf(left + (right.startsWith(continuingPrefix) ? right.slice(continuingPrefix.length) : right)),
      );
      this.#enqueueTouched();
    }
    return { tokens: this.#tokens, merges };
  }

  #idOf(token: string): number {
    let id = this.#ids.get(token);
    if (id === undefined) {
      id = this.#tokens.push(token) - 1;
      this.#ids.set(token, id);
    }
    return id;
  }

  /** A word as one-character pieces with their affixes; characters outside of the alphabet vanish. */
  #spell(word: string, alphabet: ReadonlySet<string>): string[] {
    const { continuingPrefix = '', wordEndSuffix = '' } = this.#options;
    const chars = [...word];
    return chars.flatMap((char, index) => {
      if (!alphabet.has(char)) return [];
      return [(index > 0 ? continuingPrefix : '') + char + (index === chars.length - 1 ? wordEndSuffix : '')];
    });
  }

  #countPairs(): void {
    for (const [index, word] of this.#words.entries()) {
      for (let position = 0; position + 1 < word.length; position++) {
        this.#change(word[position] ?? 0, word[position + 1] ?? 0, { word: index, by: 1 });
      }
    }
  }

  /** Notes that a pair stands in a word once more (`by` 1) or once less (-1). */
  #change(left: number, right: number, { word, by }: { word: number; by: 1 | -1 }): void {
    let pair = this.#pairIndex.get(left, right);
    if (pair < 0) {
      pair = this.#pairCounts.push(0) - 1;
      this.#pairLeft.push(left);
      this.#pairRight.push(right);
      this.#pairIndex.set(left, right, pair);
    }
    this.#pairCounts[pair] = (this.#pairCounts[pair] ?? 0) + by * (this.#wordCounts[word] ?? 0);
    if (by < 0) return;
    const words = this.#touched.get(pair);
    if (!words) this.#touched.set(pair, [word]);
    else if (words.at(-1) !== word) words.push(word);
  }

  #enqueueTouched(): void {
    for (const [pair, words] of this.#touched) {
      const count = this.#pairCounts[pair] ?? 0;
      if (count > 0) this.#queue.push({ pair, count, words });
    }
    this.#touched = new Map();
  }

  /** Puts `merged` in the place of the pair in each of its words; counts of neighbouring pairs follow. */
  #merge(candidate: Candidate, merged: number): void {
    const left = this.#pairLeft[candidate.pair] ?? 0;
    const right = this.#pairRight[candidate.pair] ?? 0;
    for (const index of candidate.words) {
      const word = this.#words[index] ?? [];
      let kept = 0;
      for (let position = 0; position < word.length; position++) {
        const current = word[position] ?? 0;
        if (current !== left || position + 1 >= word.length || word[position + 1] !== right) {
          word[kept++] = current;
          continue;
        }
        const before = word[kept - 1];
        const after = word[position + 2];
        if (before !== undefined && kept > 0) {
          this.#change(before, left, { word: index, by: -1 });
          this.#change(before, merged, { word: index, by: 1 });
        }
        if (after !== undefined) {
          this.#change(right, after, { word: index, by: -1 });
          this.#change(merged, after, { word: index, by: 1 });
        }
        word[kept++] = merged;
        position++;
      }
      word.length = kept;
    }
  }

  #before(a: Candidate, b: Candidate): boolean {
    if (a.count !== b.count) return a.count > b.count;
    const left = (this.#pairLeft[a.pair] ?? 0) - (this.#pairLeft[b.pair] ?? 0);
    return left !== 0 ? left < 0 : (this.#pairRight[a.pair] ?? 0) < (this.#pairRight[b.pair] ?? 0);
  }
}

function chooseAlphabet(
  counts: ReadonlyMap<string, number>,
  { initialAlphabet = [], limitAlphabet }: MergeTrainerOptions,
): Set<string> {
  const frequency = new Map<string, number>();
  for (const [word, count] of counts) {
    for (const char of word) frequency.set(char, (frequency.get(char) ?? 0) + count);
  }
  for (const char of initialAlphabet) frequency.set(char, Number.POSITIVE_INFINITY);
  const chars = [...frequency.keys()].sort(
    (a, b) => (frequency.get(b) ?? 0) - (frequency.get(a) ?? 0) || byCodePoints(a, b),
  );
  return new Set(chars.slice(0, limitAlphabet ?? chars.length));
}

/** Order of code points (that of UTF-16 units differs beyond U+FFFF). */
export function byCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const difference = (a.codePointAt(index) ?? 0) - (b.codePointAt(index) ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
