/** A token and its class. */
export interface TokenEntity {
  /** The class. */
  readonly entity: string;
  readonly score: number;
  /** Which token it is, special ones counted. */
  readonly index: number;
  /** The token as the vocabulary has it. */
  readonly word: string;
  /** Where it begins in the text, in UTF-16 units. */
  readonly start: number;
  /** Where it ends: `text.slice(start, end)`. */
  readonly end: number;
}

/** Neighbouring tokens of one class. */
export interface EntityGroup {
  /** The class, without the `B-` or `I-` of its tokens. */
  readonly entity_group: string;
  /** The mean of its tokens' or words' scores. */
  readonly score: number;
  /** Its tokens as text. */
  readonly word: string;
  /** Where it begins in the text, in UTF-16 units. */
  readonly start: number;
  /** Where it ends: `text.slice(start, end)`. */
  readonly end: number;
}
