/**
 * What went wrong, for programs to branch on.
 *
 * | code | meaning |
 * | --- | --- |
 * | `header` | a safetensors header that is cut off, not UTF-8, not JSON, or not of the documented form |
 * | `dtype` | an unknown element type, or one that the asked conversion does not know |
 * | `shape` | a shape that is malformed, or that the bytes do not fill exactly |
 * | `offsets` | byte ranges that overlap, leave holes, run backwards, or miss the end of the file |
 * | `name` | a tensor name that stands twice or cannot be written |
 * | `value` | an element that does not fit the wanted type |
 * | `json` | text that is not strict JSON, or a value that JSON cannot hold |
 * | `config` | JSON of the wrong form for its purpose |
 * | `index` | an index of shards that is malformed or disagrees with its shards |
 * | `path` | a file name that is not allowed, or a file outside of its folder |
 * | `missing-file`, `missing-tensor` | not there |
 * | `mismatch` | tensors missing, unexpected or of another shape; see {@link CheckpointError.mismatch} |
 * | `too-large` | over a limit of this package or of the caller |
 * | `network` | a server that could not be reached or refused |
 * | `range` | an answer to a request for a byte range that is not that range |
 * | `changed` | a file that was replaced between two reads |
 * | `read`, `write` | the disk failed |
 * | `unsupported` | not possible in this place, such as a folder path in a browser |
 */
export type CheckpointErrorCode =
  | 'header'
  | 'dtype'
  | 'shape'
  | 'offsets'
  | 'name'
  | 'value'
  | 'json'
  | 'config'
  | 'index'
  | 'path'
  | 'missing-file'
  | 'missing-tensor'
  | 'mismatch'
  | 'too-large'
  | 'network'
  | 'range'
  | 'changed'
  | 'read'
  | 'write'
  | 'unsupported';

/** How the tensors of a checkpoint differ from the wanted ones. */
export interface TensorMismatch {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly misshaped: readonly {
    readonly name: string;
    readonly expected: readonly number[];
    readonly found: readonly number[];
  }[];
  /** Set where all that does not fit belongs to the head of a model, which could start anew. */
  readonly headOnly?: true;
}

/** The one error class of this package: a file, folder or checkpoint that cannot be read or written as asked. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  /** What went wrong; see {@link CheckpointErrorCode}. */
  readonly code: CheckpointErrorCode;
  /** The differences, where the code is `mismatch`. */
  readonly mismatch: TensorMismatch | undefined;

  constructor(code: CheckpointErrorCode, message: string, options?: { cause?: unknown; mismatch?: TensorMismatch }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.mismatch = options?.mismatch;
  }

  /** Whether `value` is a CheckpointError, also one of another copy of this package. */
  static isInstance(value: unknown): value is CheckpointError {
    return value instanceof Error && value.name === 'CheckpointError' && 'code' in value;
  }
}

/** A name from a file as it may stand in a list: as it is, or quoted where it has blanks or characters outside of ASCII. */
export function printable(name: string): string {
  return /^[!-~]{1,100}$/.test(name) ? name : quoted(name);
}

/** A name from a file as it may stand in a message: quoted, escaped, and cut when long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
