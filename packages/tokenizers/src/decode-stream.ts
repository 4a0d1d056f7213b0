import type { DecodeOptions } from './options.ts';

/** More ids than the bytes of any character: what is broken after these many stays broken. */
const longestCharacter = 6;

/** Turns ids into text one by one; a character whose bytes are not all there yet waits for the rest. */
export class DecodeStream {
  readonly #decode: (ids: readonly number[]) => string;
  #ids: number[] = [];
  #shown = ''; // what was returned already of the text of #ids
  #settled = 0; // how many of #ids made #shown

  constructor(
    tokenizer: { decode(ids: Iterable<number>, options?: DecodeOptions): string },
    options: DecodeOptions = {},
  ) {
    this.#decode = (ids) => tokenizer.decode(ids, options);
  }

  /** The text that `id` completes; often empty. */
  push(id: number): string {
    this.#ids.push(id);
    const text = this.#decode(this.#ids);
    const waits = text.endsWith('\ufffd') && this.#ids.length - this.#settled < longestCharacter;
    if (waits || text.length <= this.#shown.length) return '';
    const fresh = text.slice(this.#shown.length);
    // Keep the last settled ids as context: decoders treat the first token of a text differently.
    this.#ids = this.#ids.slice(this.#settled);
    this.#shown = this.#decode(this.#ids);
    this.#settled = this.#ids.length;
    return fresh;
  }

  /** What is left, broken characters as U+FFFD. */
  end(): string {
    const rest = this.#decode(this.#ids).slice(this.#shown.length);
    this.#ids = [];
    this.#shown = '';
    this.#settled = 0;
    return rest;
  }
}
