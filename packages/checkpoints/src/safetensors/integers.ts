import type { StoredTensor, SafetensorsDType } from './dtypes.ts';

/** The types that hold whole numbers. */
export type IntegerDType = 'BOOL' | 'U8' | 'I8' | 'I16' | 'U16' | 'I32' | 'U32' | 'I64' | 'U64';

/** An array of whole numbers, of either kind that JavaScript has. */
export type WholeNumbers = ArrayLike<number | bigint>;

const arrays = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  U16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const satisfies Record<IntegerDType, unknown>;

/** Whether a type holds whole numbers. */
export function isIntegerDType(dtype: SafetensorsDType): dtype is IntegerDType {
  return Object.hasOwn(arrays, dtype);
}

/** The whole numbers of a tensor, in a copy that is aligned; of BOOL each non-zero byte is 1. */
export function readIntegers(tensor: StoredTensor & { readonly dtype: IntegerDType }): WholeNumbers {
  const copy = new Uint8Array(tensor.bytes);
  if (tensor.dtype === 'BOOL') return copy.map((byte) => (byte === 0 ? 0 : 1));
  return new arrays[tensor.dtype](copy.buffer);
}
