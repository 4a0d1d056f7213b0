import { type BackendValues, type DataType, util } from '@tensorflow/tfjs-core';

/** All elements take 4 bytes, or 2 where they are stored in halves; a buffer has at least one. */
export function bytesOf({ shape, isHalf = false }: { shape: readonly number[]; isHalf?: boolean }): number {
  return (isHalf ? 2 : 4) * Math.max(1, util.sizeFromShape([...shape]));
}

/** The values of a buffer: whole numbers and booleans are 32 bits there. */
export function fromBytes(bytes: ArrayBuffer, dtype: DataType): BackendValues {
  if (dtype === 'float32') return new Float32Array(bytes);
  return dtype === 'int32' ? new Int32Array(bytes) : Uint8Array.from(new Int32Array(bytes));
}
