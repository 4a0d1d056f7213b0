import { CheckpointError } from '../errors.ts';
import { roundToBrainFloat, widenBrainFloat } from './brain-float.ts';
import { byteLength, elementCount, type StoredTensor, type SafetensorsDType } from './dtypes.ts';
import { widenFloat8 } from './float8.ts';
import { roundToHalf, widenHalf } from './half.ts';
import { type IntegerDType, isIntegerDType, readIntegers } from './integers.ts';

/** What messages of {@link toFloat32} and {@link toInt32} call the tensor. */
export interface ConvertOptions {
  readonly name?: string;
}

/**
 * The elements as float32, always in a new array.
 * F16, BF16 and the 8-bit floats widen exactly. F64 rounds to nearest; a finite element beyond float32 throws. Whole numbers and BOOL (0, 1)
 * must be exact in float32, or it throws. Codes: `value` for such elements, `dtype` for F4, F6 and C64, `shape` when bytes are missing.
 */
export function toFloat32(tensor: StoredTensor, options: ConvertOptions = {}): Float32Array<ArrayBuffer> {
  const where = place('toFloat32', options);
  checkBytes(tensor, where);
  const { dtype, bytes } = tensor;
  if (isInteger(tensor)) return integersToFloat32(tensor, where);
  switch (dtype) {
    case 'F32':
      return new Float32Array(new Uint8Array(bytes).buffer);
    case 'F64':
      return narrow(new Float64Array(new Uint8Array(bytes).buffer), where);
    case 'F16':
      return widenHalf(bytes);
    case 'BF16':
      return widenBrainFloat(bytes);
    case 'F8_E5M2':
    case 'F8_E4M3':
    case 'F8_E8M0':
    case 'F8_E4M3FNUZ':
    case 'F8_E5M2FNUZ':
      return widenFloat8(bytes, dtype);
    default:
      throw new CheckpointError('dtype', `${where}: no conversion from ${dtype} to float32`);
  }
}

/**
 * The elements of a tensor of whole numbers or BOOL (0, 1) as int32, always in a new array. Throws with code `value` at the first element
 * beyond int32 (an I64 id above 2^31 - 1), `dtype` for floats, `shape` when bytes are missing.
 */
export function toInt32(tensor: StoredTensor, options: ConvertOptions = {}): Int32Array<ArrayBuffer> {
  const where = place('toInt32', options);
  checkBytes(tensor, where);
  if (!isInteger(tensor)) throw new CheckpointError('dtype', `${where}: no conversion from ${tensor.dtype} to int32`);
  return Int32Array.from(readIntegers(tensor), (value: number | bigint, i) => {
    if (value < -(2 ** 31) || value >= 2 ** 31)
      throw new CheckpointError('value', `${where}: element ${i} must fit into int32, got ${value}`);
    return Number(value);
  });
}

/** Stores floats: F32 as they are, F64 exactly, F16 and BF16 rounded to nearest, ties to even. Throws with code `shape`. */
export function fromFloat32(
  values: Float32Array,
  shape: readonly number[],
  dtype: 'F32' | 'F16' | 'BF16' | 'F64' = 'F32',
): StoredTensor {
  checkCount('fromFloat32', values.length, shape);
  return { dtype, shape: [...shape], bytes: floatBytes(values, dtype) };
}

/** Stores whole numbers. Throws with code `shape`. */
export function fromInt32(values: Int32Array, shape: readonly number[], dtype: 'I32' | 'I64' = 'I32'): StoredTensor {
  checkCount('fromInt32', values.length, shape);
  const stored = dtype === 'I32' ? new Int32Array(values) : BigInt64Array.from(values, BigInt);
  return { dtype, shape: [...shape], bytes: new Uint8Array(stored.buffer) };
}

function floatBytes(values: Float32Array, dtype: SafetensorsDType): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(new Float32Array(values).buffer);
  if (dtype === 'F64') return new Uint8Array(new Float64Array(values).buffer);
  if (dtype === 'F16') return roundToHalf(values);
  if (dtype === 'BF16') return roundToBrainFloat(values);
  throw new CheckpointError('dtype', `fromFloat32: dtype must be F32, F16, BF16 or F64, got ${dtype}`);
}

function narrow(values: Float64Array, where: string): Float32Array<ArrayBuffer> {
  return Float32Array.from(values, (value, i) => {
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw new CheckpointError('value', `${where}: element ${i} must fit into float32, got ${value}`);
    }
    return value;
  });
}

function integersToFloat32(
  tensor: StoredTensor & { readonly dtype: IntegerDType },
  where: string,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(readIntegers(tensor), (value: number | bigint, i) => {
    const rounded = Math.fround(Number(value));
    const isExact = typeof value === 'bigint' ? BigInt(rounded) === value : rounded === value;
    if (!isExact) throw new CheckpointError('value', `${where}: element ${i} must be exact in float32, got ${value}`);
    return rounded;
  });
}

function isInteger(tensor: StoredTensor): tensor is StoredTensor & { readonly dtype: IntegerDType } {
  return isIntegerDType(tensor.dtype);
}

function checkBytes(tensor: StoredTensor, where: string): void {
  const wanted = byteLength(tensor, where);
  if (tensor.bytes.length !== wanted)
    throw new CheckpointError(
      'shape',
      `${where}: ${tensor.dtype} [${tensor.shape.join(', ')}] takes ${wanted} bytes, got ${tensor.bytes.length}`,
    );
}

function checkCount(where: string, count: number, shape: readonly number[]): void {
  if (elementCount(shape, where) !== count)
    throw new CheckpointError('shape', `${where}: [${shape.join(', ')}] must have ${count} elements`);
}

function place(where: string, { name }: ConvertOptions): string {
  return name === undefined ? where : `${where}: ${name}`;
}
