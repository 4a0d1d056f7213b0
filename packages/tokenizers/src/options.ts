import type { Side, TruncationStrategy } from './truncation.ts';

/** How a text is encoded. What is left out is as tokenizer.json says. */
export interface EncodeOptions {
  /** A second text. */
  readonly pair?: string | undefined;
  /** Add the special tokens of the post-processor; true by default. */
  readonly addSpecialTokens?: boolean;
  /** Cut texts to `maxLength`: true for `longest_first`, or which text is cut; false switches it off. On when `maxLength` is given. */
  readonly truncation?: boolean | TruncationStrategy;
  /**
   * The most tokens, special tokens included; by default that of the file, then `model_max_length`. Where not even the special tokens fit, nothing is cut off, as in
   * Hugging Face.
   */
  readonly maxLength?: number;
  /** How many tokens the overflowing parts share. */
  readonly stride?: number;
  readonly truncationSide?: Side;
  /** Pad to the longest of the batch (true), to `maxLength` or to a number of tokens; false switches it off. */
  readonly padding?: boolean | 'longest' | 'max_length' | number;
  readonly paddingSide?: Side;
  readonly padToMultipleOf?: number;
}

/** How ids become text. */
export interface DecodeOptions {
  /** Leave special tokens out; false by default. */
  readonly skipSpecialTokens?: boolean;
  /** Take out the spaces before punctuation; by default as tokenizer_config.json says. */
  readonly cleanUpTokenizationSpaces?: boolean;
}
