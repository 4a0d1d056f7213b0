import { GrowingKVCache, type KVCache } from '@formers/attention';

import { GenerationError } from './errors.ts';

/** Stands for padding in the rows that a decoder runs on. */
export const PADDING: number = -1;

/** A cache that can put rows of its batch in another order, or repeat some; beam search is faster with it. */
export interface RowSelectable {
  selectRows(rows: readonly number[]): void;
}

/**
 * A key/value cache that knows which tokens it holds, so that it can serve call after call: what a prompt shares with it from the start is
 * not computed again, what differs is forgotten.
 *
 * @example
 * using cache = new TokenCache();
 * const { sequences: [first] } = await generate(model, question, { cache });
 * await generate(model, [...first, ...nextQuestion], { cache }); // computes nextQuestion only
 */
export class TokenCache implements Disposable {
  /** Keys and values of each layer. */
  readonly keysAndValues: KVCache;
  #rows: number[][] = [];
  #context = '';

  /** @param keysAndValues An empty cache; default a growing one. It is disposed with this. */
  constructor(keysAndValues: KVCache = new GrowingKVCache()) {
    if (keysAndValues.length > 0) {
      throw new GenerationError(`TokenCache: the cache must be empty, it holds ${keysAndValues.length} tokens`);
    }
    this.keysAndValues = keysAndValues;
  }

  /** How many tokens of each row it holds. */
  get length(): number {
    return this.#rows[0]?.length ?? 0;
  }

  /** Forgets all that isn't the start of `rows`, and says how many columns it holds then; at least the last `fresh` ones are not among them. For decoders. */
  keepStartOf(rows: readonly (readonly number[])[], fresh = 1): number {
    const shared =
      this.#rows.length === rows.length ? Math.min(...rows.map((row, i) => sharedLength(row, this.#rows[i] ?? []))) : 0;
    this.#crop(Math.min(shared, (rows[0]?.length ?? fresh) - fresh));
    return this.length;
  }

  /** Notes that the keys and values of all of `rows` are in now. For decoders. */
  hold(rows: readonly (readonly number[])[]): void {
    this.#rows = rows.map((row) => [...row]);
  }

  /** Puts the rows in another order, where the cache can; otherwise the next step computes what differs. For decoders. */
  selectRows(rows: readonly number[]): void {
    const { keysAndValues } = this;
    if (!canSelectRows(keysAndValues) || this.length === 0) return;
    keysAndValues.selectRows(rows);
    this.#rows = rows.map((row) => [...(this.#rows[row] ?? [])]);
  }

  /** Forgets everything if the decoder looks at something else besides its tokens than before: the encoder's input. For decoders. */
  lookAt(context: string): void {
    if (context !== this.#context) this.clear();
    this.#context = context;
  }

  /** Forgets everything; the cache can be used again. */
  clear(): void {
    this.dispose();
  }

  dispose(): void {
    this.#rows = [];
    this.keysAndValues.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #crop(length: number): void {
    if (length >= this.length) return;
    this.keysAndValues.crop(length);
    // A cache that has dropped old tokens may have to forget more.
    const kept = this.keysAndValues.length === length ? length : 0;
    if (kept === 0) this.keysAndValues.crop(0);
    this.#rows = kept === 0 ? [] : this.#rows.map((row) => row.slice(0, kept));
  }
}

function canSelectRows(cache: KVCache): cache is KVCache & RowSelectable {
  return 'selectRows' in cache && typeof cache.selectRows === 'function';
}

function sharedLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
