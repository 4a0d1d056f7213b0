/** Token ids of one row, in order. */
export type TokenIds = readonly number[] | Int32Array;

/**
 * Changes the logits of the next token in place; `-Infinity` rules a token out.
 *
 * @param ids What stands before it: prompt and new tokens of one row.
 * @param logits One number for each token of the vocabulary.
 */
export type LogitsProcessor = (ids: readonly number[], logits: Float64Array) => void;

/** Options that the truncating warpers share. */
export interface TruncationOptions {
  /** What removed tokens get; default `-Infinity`. */
  readonly filterValue?: number | undefined;
  /** How many tokens stay whatever their probability; default 1. */
  readonly minTokensToKeep?: number | undefined;
}

/** One id or several as a list. */
export function asList(ids: number | TokenIds): TokenIds {
  return typeof ids === 'number' ? [ids] : ids;
}

/** Gives each of `ids` that the vocabulary has a value. */
export function setAll(logits: Float64Array, { ids, value }: { ids: Iterable<number>; value: number }): void {
  for (const id of ids) if (id >= 0 && id < logits.length) logits[id] = value;
}
