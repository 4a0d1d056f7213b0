/**
 * A piece of normalized text that knows, for each UTF-16 unit, which range of the original text it came from.
 *
 * Ranges lie on characters of the original. Text that was never changed stores no table: unit `i` came from `at + i`.
 * Slices share the tables of the text they were cut from.
 */
export class AlignedText {
  readonly text: string;
  readonly #at: number; // where this piece begins: in the tables, or in the original when there are none
  readonly #starts: Int32Array | undefined;
  readonly #ends: Int32Array | undefined;

  private constructor(text: string, at: number, starts?: Int32Array, ends?: Int32Array) {
    this.text = text;
    this.#at = at;
    this.#starts = starts;
    this.#ends = ends;
  }

  /** The original itself. */
  static original(text: string): AlignedText {
    return new AlignedText(text, 0);
  }

  /** `text` whose unit `i` came from `[starts[i], ends[i])` of the original. */
  static aligned(text: string, starts: Int32Array, ends: Int32Array): AlignedText {
    return new AlignedText(text, 0, starts, ends);
  }

  /** The units from `start` to `end`, which must be ends of characters. */
  slice(start: number, end: number): AlignedText {
    return new AlignedText(this.text.slice(start, end), this.#at + start, this.#starts, this.#ends);
  }

  /** Another text of the same length, unit by unit from the same places. */
  withText(text: string): AlignedText {
    return new AlignedText(text, this.#at, this.#starts, this.#ends);
  }

  /** Where unit `index` begins in the original; for the second half of a pair this is where the pair begins, or after it. */
  originalStart(index: number): number {
    return this.#starts ? (this.#starts[this.#at + index] ?? 0) : this.#at + index;
  }

  /** Where the unit before `index` ends in the original. */
  originalEnd(index: number): number {
    return this.#ends ? (this.#ends[this.#at + index - 1] ?? 0) : this.#at + index;
  }
}

/** Collects normalized characters with the ranges they came from. */
export class AlignedTextBuilder {
  readonly #source: AlignedText;
  readonly #parts: string[] = [];
  #starts: Int32Array;
  #ends: Int32Array;
  #length = 0;

  constructor(source: AlignedText) {
    this.#source = source;
    const capacity = source.text.length + 16;
    this.#starts = new Int32Array(capacity);
    this.#ends = new Int32Array(capacity);
  }

  /** Appends `text`, all of it aligned with units `[start, end)` of the source. */
  push(text: string, start: number, end: number): void {
    this.#append(text, this.#source.originalStart(start), this.#source.originalEnd(end));
  }

  /** Appends `text` that comes from nowhere: the empty range at 0. */
  pushUnaligned(text: string): void {
    this.#append(text, 0, 0);
  }

  /** Appends units `[start, end)` of the source unchanged. */
  copy(start: number, end: number): void {
    if (start === end) return;
    this.#reserve(end - start);
    for (let index = start; index < end; index++) {
      this.#starts[this.#length] = this.#source.originalStart(index);
      this.#ends[this.#length++] = this.#source.originalEnd(index + 1);
    }
    const text = this.#source.text.slice(start, end);
    this.#parts.push(text);
    this.#alignPairs(text);
  }

  build(): AlignedText {
    return AlignedText.aligned(
      this.#parts.join(''),
      this.#starts.subarray(0, this.#length),
      this.#ends.subarray(0, this.#length),
    );
  }

  #append(text: string, start: number, end: number): void {
    this.#reserve(text.length);
    this.#starts.fill(start, this.#length, this.#length + text.length);
    this.#ends.fill(end, this.#length, this.#length + text.length);
    this.#length += text.length;
    this.#parts.push(text);
  }

  /** Both halves of a surrogate pair get the range of the pair. */
  #alignPairs(text: string): void {
    const base = this.#length - text.length;
    for (let index = 0; index + 1 < text.length; index++) {
      if ((text.charCodeAt(index) & 0xfc00) !== 0xd800) continue;
      const end = this.#ends[base + index + 1] ?? 0;
      this.#ends[base + index] = end;
      this.#starts[base + index + 1] = this.#starts[base + index] ?? 0;
    }
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#starts.length) return;
    const capacity = Math.max(this.#starts.length * 2, this.#length + count);
    const starts = new Int32Array(capacity);
    const ends = new Int32Array(capacity);
    starts.set(this.#starts.subarray(0, this.#length));
    ends.set(this.#ends.subarray(0, this.#length));
    this.#starts = starts;
    this.#ends = ends;
  }
}
