import { CheckpointError, fromFloat32, type StoredTensor, toFloat32 } from '@formers/checkpoints';
import { tensor, type Variable } from '@tensorflow/tfjs-core';

/** Floating-point types that parameters are stored in. */
export type StoredFloat = 'F32' | 'F16' | 'BF16' | 'F64';

/** A parameter as it lies in a file; with `transpose`, [rows, columns] as [columns, rows]. */
export async function storeParameter(
  parameter: Variable,
  { transpose = false, dtype = 'F32' }: { transpose?: boolean; dtype?: StoredFloat } = {},
): Promise<StoredTensor> {
  const values = (await parameter.data()) as Float32Array;
  const { shape } = parameter;
  return transpose
    ? fromFloat32(transposed(values, shape), shape.toReversed(), dtype)
    : fromFloat32(values, shape, dtype);
}

/** A parameter in a smaller type where that loses nothing, as right after loading; else as float32: what was trained keeps its digits. */
export async function storeLossless(
  parameter: Variable,
  { transpose = false, dtype }: { transpose?: boolean; dtype: StoredFloat },
): Promise<StoredTensor> {
  const small = await storeParameter(parameter, { transpose, dtype });
  if (dtype === 'F32' || dtype === 'F64') return small;
  const exact = await storeParameter(parameter, { transpose });
  const [rounded, values] = [toFloat32(small), toFloat32(exact)];
  return values.every((value, i) => Object.is(value, rounded[i])) ? small : exact;
}

/** How {@link storedValues} reads. */
export interface StoredValuesOptions {
  /** For messages. */
  readonly name: string;
  readonly transpose?: boolean;
  readonly nonFinite?: 'refuse' | 'accept' | undefined;
}

/** The values of a parameter from a file. @throws {@link CheckpointError} `value` for NaN and Infinity. */
export function storedValues(
  stored: StoredTensor,
  { name, transpose = false, nonFinite = 'refuse' }: StoredValuesOptions,
): Float32Array {
  const values = toFloat32(stored);
  if (nonFinite === 'refuse' && !values.every(Number.isFinite)) {
    throw new CheckpointError(
      'value',
      `${name}: weights must be finite, got NaN or Infinity; pass nonFinite: 'accept' to load them all the same`,
    );
  }
  return transpose ? transposed(values, stored.shape) : values;
}

/** Gives a parameter these values. */
export function assignValues(parameter: Variable, values: Float32Array): void {
  const loaded = tensor(values, parameter.shape);
  parameter.assign(loaded);
  loaded.dispose();
}

/** The values of a matrix [rows, columns] as those of [columns, rows]. */
function transposed(values: Float32Array, shape: readonly number[]): Float32Array {
  const [rows = 1, columns = 1] = shape;
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column] as number;
  return result;
}
