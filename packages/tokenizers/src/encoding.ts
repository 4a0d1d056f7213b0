/** Parallel arrays that make up an {@link Encoding}. */
export interface EncodingParts {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array;
  readonly tokens: readonly string[];
  /** Begin and end of each token in its text, in UTF-16 units: `2 * length` numbers. */
  readonly bounds: Int32Array;
  /** The word of each token, or -1. */
  readonly words: Int32Array;
  readonly specialTokensMask: Int32Array;
  readonly attentionMask: Int32Array;
  /** Which tokens belong to which text: sequence -> [first, end]. */
  readonly sequences: ReadonlyMap<number, readonly [first: number, end: number]>;
  /** The encoded text, where the tokens are of one text. */
  readonly source?: string | undefined;
  readonly overflowing: readonly Encoding[];
}

/** A text (or two) as tokens: all arrays have one entry per token. */
export class Encoding {
  readonly ids: Int32Array;
  /** 0 for the first text and 1 for the second, as the post-processor numbers them. */
  readonly typeIds: Int32Array;
  readonly tokens: readonly string[];
  /** 1 for tokens that the post-processor or padding added. */
  readonly specialTokensMask: Int32Array;
  /** 1 for tokens, 0 for padding. */
  readonly attentionMask: Int32Array;
  /** The parts that truncation cut off, each as long as was asked, overlapping by the stride. */
  readonly overflowing: readonly Encoding[];
  /** Begin and end of each token, flat; see {@link EncodingParts}. */
  readonly bounds: Int32Array;
  readonly words: Int32Array;
  readonly sequences: ReadonlyMap<number, readonly [first: number, end: number]>;
  readonly source: string | undefined;
  #offsets: [start: number, end: number][] | undefined;

  constructor(parts: EncodingParts) {
    this.ids = parts.ids;
    this.typeIds = parts.typeIds;
    this.tokens = parts.tokens;
    this.specialTokensMask = parts.specialTokensMask;
    this.attentionMask = parts.attentionMask;
    this.overflowing = parts.overflowing;
    this.bounds = parts.bounds;
    this.words = parts.words;
    this.sequences = parts.sequences;
    this.source = parts.source;
  }

  get length(): number {
    return this.ids.length;
  }

  /** Begin and end of each token in its text, in UTF-16 units, so that `text.slice(start, end)` is the token's text; [0, 0] for special tokens. */
  get offsets(): [start: number, end: number][] {
    this.#offsets ??= this.tokens.map((_, index) => [this.bounds[2 * index] ?? 0, this.bounds[2 * index + 1] ?? 0]);
    return this.#offsets;
  }

  /** The number of the word of each token, counted per text; null for special tokens. */
  get wordIds(): (number | null)[] {
    return Array.from(this.words, (word) => (word < 0 ? null : word));
  }

  /** 0 or 1 for tokens of the first and second text, null for special tokens. */
  get sequenceIds(): (number | null)[] {
    if (this.sequences.size === 0) return this.tokens.map(() => 0);
    const ids = this.tokens.map((): number | null => null);
    for (const [sequence, [first, end]] of this.sequences) ids.fill(sequence, first, end);
    return ids;
  }

  /** A copy with some parts replaced. */
  with(parts: Partial<EncodingParts>): Encoding {
    return new Encoding({ ...this.#parts(), ...parts });
  }

  /** Tokens `[start, end)` alone. */
  slice(start: number, end: number): Encoding {
    return new Encoding({
      ids: this.ids.slice(start, end),
      typeIds: this.typeIds.slice(start, end),
      tokens: this.tokens.slice(start, end),
      bounds: this.bounds.slice(2 * start, 2 * end),
      words: this.words.slice(start, end),
      specialTokensMask: this.specialTokensMask.slice(start, end),
      attentionMask: this.attentionMask.slice(start, end),
      sequences: new Map(),
      source: this.source,
      overflowing: [],
    });
  }

  /** All of it as sequence `sequence`. */
  asSequence(sequence: number): Encoding {
    return this.with({ sequences: new Map([[sequence, [0, this.length]]]) });
  }

  #parts(): EncodingParts {
    const { ids, typeIds, tokens, bounds, words, specialTokensMask, attentionMask, sequences, source, overflowing } =
      this;
    return { ids, typeIds, tokens, bounds, words, specialTokensMask, attentionMask, sequences, source, overflowing };
  }
}

/** Special tokens that belong to no text. */
export function specialEncoding(
  ids: readonly number[],
  { tokens, typeId }: { tokens: readonly string[]; typeId: number },
): Encoding {
  const filled = (value: number): Int32Array => new Int32Array(ids.length).fill(value);
  return new Encoding({
    ids: Int32Array.from(ids),
    typeIds: filled(typeId),
    tokens,
    bounds: new Int32Array(2 * ids.length),
    words: filled(-1),
    specialTokensMask: filled(1),
    attentionMask: filled(1),
    sequences: new Map(),
    overflowing: [],
  });
}

/** One after the other; overflowing parts are combined each with each, as the tokenizers library does. */
export function concatEncodings(encodings: readonly Encoding[]): Encoding {
  return encodings.slice(1).reduce(concatTwo, encodings[0] ?? specialEncoding([], { tokens: [], typeId: 0 }));
}

function concatTwo(left: Encoding, right: Encoding): Encoding {
  const overflowing = left.overflowing.flatMap((part) => [
    concatTwo(part, withoutOverflow(right)),
    ...right.overflowing.map((other) => concatTwo(part, other)),
  ]);
  overflowing.push(...right.overflowing.map((other) => concatTwo(withoutOverflow(left), other)));
  const sequences = new Map(left.sequences);
  for (const [sequence, [first, end]] of right.sequences)
    sequences.set(sequence, [left.length + first, left.length + end]);
  return new Encoding({
    ids: concat(left.ids, right.ids),
    typeIds: concat(left.typeIds, right.typeIds),
    tokens: [...left.tokens, ...right.tokens],
    bounds: concat(left.bounds, right.bounds),
    words: concat(left.words, right.words),
    specialTokensMask: concat(left.specialTokensMask, right.specialTokensMask),
    attentionMask: concat(left.attentionMask, right.attentionMask),
    sequences,
    overflowing,
  });
}

function withoutOverflow(encoding: Encoding): Encoding {
  return encoding.overflowing.length === 0 ? encoding : encoding.with({ overflowing: [] });
}

function concat(left: Int32Array, right: Int32Array): Int32Array {
  const joined = new Int32Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
