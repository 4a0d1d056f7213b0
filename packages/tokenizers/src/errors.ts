/** What went wrong, in one stable word. */
export type TokenizerErrorCode =
  | 'format' // the file is not what a tokenizer.json must be
  | 'limit' // a file or an input is larger than the caps
  | 'ids' // ids are not unique and dense
  | 'merges' // a merge names an unknown token
  | 'regex' // a pattern is malformed or uses what the linear matcher does not offer
  | 'unsupported' // a component or setting that this package does not have
  | 'argument' // a caller's argument is out of range
  | 'truncation' // the texts can't be truncated as asked
  | 'unknown-token'; // the model has no token for a text, and no unknown token

const brand = Symbol.for('@formers/tokenizers/TokenizerError');

/** Every error that this package throws on purpose; `code` is stable, the message names the place, what was wanted and what came. */
export class TokenizerError extends Error {
  readonly code: TokenizerErrorCode;

  constructor(code: TokenizerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TokenizerError';
    this.code = code;
    Object.defineProperty(this, brand, { value: true });
  }

  /** True for errors of this class, also those of another copy of the package. */
  static isInstance(value: unknown): value is TokenizerError {
    return typeof value === 'object' && value !== null && brand in value;
  }
}
