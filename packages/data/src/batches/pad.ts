import { ConfigError } from '@formers/backend';
import { type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';

/** How rows of a batch get one length. */
export interface PaddingOptions {
  /** The length becomes a multiple of it, so that engines meet fewer shapes; default 1. */
  padToMultipleOf?: number;
  /** A fixed length; default that of the longest row. */
  padToLength?: number;
}

/** The common length of rows. */
export function paddedLength(
  rows: readonly { readonly length: number }[],
  { padToMultipleOf = 1, padToLength }: PaddingOptions,
): number {
  if (!(Number.isSafeInteger(padToMultipleOf) && padToMultipleOf > 0))
    throw new ConfigError(`padToMultipleOf must be a whole number from 1, got ${padToMultipleOf}`);
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 1);
  if (padToLength !== undefined && longest > padToLength)
    throw new ConfigError(`padToLength must be at least ${longest}, the length of the longest row, got ${padToLength}`);
  return Math.ceil((padToLength ?? longest) / padToMultipleOf) * padToMultipleOf;
}

/** Rows as a tensor, filled up on the right: int32 [batch, length]. */
export function padRows(
  rows: readonly ArrayLike<number>[],
  { length, value }: { length: number; value: number },
): Tensor2D {
  const values = new Int32Array(rows.length * length).fill(value);
  for (const [i, row] of rows.entries()) values.set(row, i * length);
  return tensor2d(values, [rows.length, length], 'int32');
}

/** 1 for tokens and 0 for padding: int32 [batch, length]. */
export function attentionMaskOf(rows: readonly { readonly length: number }[], length: number): Tensor2D {
  const values = new Int32Array(rows.length * length);
  for (const [i, row] of rows.entries()) values.fill(1, i * length, i * length + row.length);
  return tensor2d(values, [rows.length, length], 'int32');
}
