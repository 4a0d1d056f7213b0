/** Turns tokens into pieces of text that are joined in the end. */
export type Decoder = (tokens: readonly string[]) => string[];
