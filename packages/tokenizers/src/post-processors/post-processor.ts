import type { Encoding } from '../encoding.ts';

/** Adds special tokens around the encodings of one text or of two. */
export interface PostProcessor {
  /** How many tokens it adds. */
  addedTokens(isPair: boolean): number;
  process(encodings: readonly Encoding[], addSpecialTokens: boolean): Encoding[];
}
