import { FormersError } from '@formers/backend';

/**
 * What is wrong with the data, for programs to branch on.
 *
 * | code | meaning |
 * | --- | --- |
 * | `missing-file` | no such file, or no file matches the pattern |
 * | `not-a-file` | a folder, a socket, ... |
 * | `unreadable` | the disk refused |
 * | `too-large` | more text than JavaScript can hold in one string |
 * | `empty` | nothing but white space |
 * | `binary` | NUL bytes, or bytes that are not UTF-8 |
 * | `too-short` | fewer tokens than one window needs |
 * | `format` | a line that is not JSON, a CSV row of another length, a broken parquet file |
 * | `column` | a column is missing, or holds something else than it must |
 * | `label` | a label out of range or unknown; an answer that is not where it is said to be |
 * | `pair` | two things that must be equally long are not |
 * | `too-long` | more tokens than fit |
 * | `special-token` | the tokenizer lacks a token that the objective needs |
 * | `split` | a split that leaves one side without tokens |
 * | `state` | a saved state that belongs to other data or options |
 */
export type DataErrorCode =
  | 'missing-file'
  | 'not-a-file'
  | 'unreadable'
  | 'too-large'
  | 'empty'
  | 'binary'
  | 'too-short'
  | 'format'
  | 'column'
  | 'label'
  | 'pair'
  | 'too-long'
  | 'special-token'
  | 'split'
  | 'state';

/** Data that cannot be read, or not be used as asked; one clear line. */
export class DataError extends FormersError {
  override readonly name = 'DataError';
  readonly code: DataErrorCode;

  constructor(code: DataErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether `value` is a DataError, also one of another copy of this package. */
  static isInstance(value: unknown): value is DataError {
    return value instanceof Error && value.name === 'DataError' && 'code' in value;
  }
}
