/**
 * Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"), as in JAX: two random 32-bit words that depend on
 * a key and a counter alone. No state to carry, the same bits on every engine.
 */
export function threefry2x32(key: readonly [number, number], counter: readonly [number, number]): [number, number] {
  const words = new Int32Array(2);
  fillWords(words, key, counter);
  return [(words[0] as number) >>> 0, (words[1] as number) >>> 0];
}

/** Pairs of random words, the first from `counter`, each next one from the next low word of it. In one loop without objects: weights are many numbers. */
function fillWords(
  words: Int32Array,
  [key0, key1]: readonly [number, number],
  [counter0, counter1]: readonly [number, number],
): void {
  const k0 = key0 | 0;
  const k1 = key1 | 0;
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  const first = (counter0 + k0) | 0;
  const second = (counter1 + k1) | 0;
  // prettier-ignore
  for (let i = 0; i < words.length; i += 2) {
    let x0 = (first + (i >>> 1)) | 0;
    let x1 = second;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    x0 = (x0 + k1) | 0; x1 = (x1 + k2 + 1) | 0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    x0 = (x0 + k2) | 0; x1 = (x1 + k0 + 2) | 0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    x0 = (x0 + k0) | 0; x1 = (x1 + k1 + 3) | 0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    x0 = (x0 + k1) | 0; x1 = (x1 + k2 + 4) | 0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0; x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    words[i] = (x0 + k2) | 0;
    words[i + 1] = (x1 + k0 + 5) | 0;
  }
}

/** A random key: two 32-bit words. */
export type RandomKey = readonly [number, number];

/** The key of a named stream of a seed, so that initialisation, dropout, sampling and shuffling never share numbers. */
export function randomKey(seed: number, stream: string): RandomKey {
  let hash = 0x811c9dc5; // FNV-1a over the name
  for (const character of stream) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return threefry2x32([Math.trunc(seed / 2 ** 32), seed >>> 0], [hash >>> 0, stream.length]);
}

/** What a {@link RandomStream} has to remember: a few integers, saved with checkpoints. */
export interface RandomState {
  readonly seed: number;
  readonly stream: string;
  readonly counter: number;
}

/** Random numbers from a seed and a stream's name, one after another; `state` says where it stands. */
export class RandomStream {
  readonly seed: number;
  readonly stream: string;
  readonly #key: RandomKey;
  #counter: number;

  constructor(seed: number, stream: string, counter = 0) {
    this.seed = seed;
    this.stream = stream;
    this.#key = randomKey(seed, stream);
    this.#counter = counter;
  }

  /** A stream that goes on where another one stood. */
  static fromState({ seed, stream, counter }: RandomState): RandomStream {
    return new RandomStream(seed, stream, counter);
  }

  /** Where the stream stands, to be saved. */
  get state(): RandomState {
    return { seed: this.seed, stream: this.stream, counter: this.#counter };
  }

  /** A key of its own for an operation that needs many numbers (dropout, initialising a tensor). */
  nextKey(): RandomKey {
    const counter = this.#counter++;
    return threefry2x32(this.#key, [counter >>> 0, Math.floor(counter / 2 ** 32)]);
  }

  /** Uniform in [0, 1), of 53 random bits. */
  uniform(): number {
    const [high, low] = this.nextKey();
    return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
  }

  /** A whole number in [0, bound), every one equally likely. */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Normal with mean 0 and standard deviation 1 (Box and Muller 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place (Fisher and Yates) and returns the array. */
  shuffle<T extends { [index: number]: number; readonly length: number }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const item = items[i] as number;
      items[i] = items[j] as number;
      items[j] = item;
    }
    return items;
  }
}

/** Numbers whose random words are made at once. */
const BLOCK = 4096;

/** Calls `f` with the random words of numbers `from` to `from + count`; number i is one of the two of counter `i >>> 1`. */
function forWords(key: RandomKey, size: number, f: (words: Int32Array, from: number, count: number) => void): void {
  const words = new Int32Array(Math.min(BLOCK, size + (size % 2)));
  for (let from = 0; from < size; from += BLOCK) {
    fillWords(words, key, [from >>> 1, 0]);
    f(words, from, Math.min(BLOCK, size - from));
  }
}

/** `size` numbers uniform in [0, 1), number i from counter i of `key`, of 24 random bits: exact in float32. */
export function uniformValues(key: RandomKey, size: number): Float32Array {
  const values = new Float32Array(size);
  forWords(key, size, (words, from, count) => {
    for (let i = 0; i < count; i++) values[from + i] = ((words[i] as number) >>> 8) / 2 ** 24;
  });
  return values;
}

/** `size` normal numbers with mean 0 and standard deviation 1, from `key` (Box and Muller 1958). */
export function normalValues(key: RandomKey, size: number): Float32Array {
  const values = new Float32Array(size);
  forWords(key, size, (words, from, count) => {
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log((((words[i] as number) >>> 0) + 1) / 2 ** 32));
      const angle = (2 * Math.PI * ((words[i + 1] as number) >>> 0)) / 2 ** 32;
      values[from + i] = radius * Math.cos(angle);
      if (i + 1 < count) values[from + i + 1] = radius * Math.sin(angle);
    }
  });
  return values;
}
