import { AlignedTextBuilder, type AlignedText } from './aligned-text.ts';

/** A character of new text and what it does to the old one: 0 takes the place of one character, 1 is added (so may be several characters), -n also swallows the next n. */
export interface Change {
  readonly char: string;
  readonly change: number;
}

/**
 * Builds new text while walking through the old one: a character that takes a place is aligned with the character there, one that is
 * added with the character before (with nothing, at the begin).
 */
export class ChangeWalker {
  readonly #source: string;
  readonly #builder: AlignedTextBuilder;
  #before = 0; // begin of the character before `position`
  #position = 0;

  constructor(text: AlignedText) {
    this.#source = text.text;
    this.#builder = new AlignedTextBuilder(text);
  }

  push({ char, change }: Change): void {
    if (change > 0) {
      if (this.#position === 0) this.#builder.pushUnaligned(char);
      else this.#builder.push(char, this.#before, this.#position);
      return;
    }
    const begin = Math.min(this.#position, this.#source.length - 1);
    this.#builder.push(char, begin, this.#after(begin));
    for (let taken = 0; taken <= -change; taken++) {
      this.#before = this.#position;
      this.#position = this.#after(this.#position);
    }
  }

  /** Keeps the next `length` UTF-16 units, all of them characters of one unit. */
  keep(length: number): void {
    this.#builder.copy(this.#position, this.#position + length);
    this.#position += length;
    this.#before = this.#position - 1;
  }

  build(): AlignedText {
    return this.#builder.build();
  }

  #after(index: number): number {
    return Math.min(index + ((this.#source.codePointAt(index) ?? 0) > 0xffff ? 2 : 1), this.#source.length);
  }
}
