import { CheckpointError } from '../errors.ts';

/** An element type as safetensors 0.8 spells it. The `F4`, `F6` types take 4 and 6 bits per element; `C64` is two `F32`. */
export type SafetensorsDType =
  | 'BOOL'
  | 'F4'
  | 'F6_E2M3'
  | 'F6_E3M2'
  | 'U8'
  | 'I8'
  | 'F8_E5M2'
  | 'F8_E4M3'
  | 'F8_E8M0'
  | 'F8_E4M3FNUZ'
  | 'F8_E5M2FNUZ'
  | 'I16'
  | 'U16'
  | 'F16'
  | 'BF16'
  | 'I32'
  | 'U32'
  | 'F32'
  | 'C64'
  | 'F64'
  | 'I64'
  | 'U64';

/** Bits per element, in the order of Python's library (`Dtype` in its tensor.rs), whose writer puts the last types first. */
const elementBits: ReadonlyMap<string, number> = new Map<SafetensorsDType, number>([
  ['BOOL', 8],
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['C64', 64],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
]);

/** All element types, those with the smallest alignment first. */
export const safetensorsDTypes: readonly SafetensorsDType[] = [...elementBits.keys()].filter(isSafetensorsDType);

/** Element type and shape of a stored tensor. */
export interface TensorInfo {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
}

/** A tensor as it lies in a file: little-endian, row-major bytes. */
export interface StoredTensor extends TensorInfo {
  readonly bytes: Uint8Array;
}

/** Whether a text names an element type; case matters. */
export function isSafetensorsDType(text: string): text is SafetensorsDType {
  return elementBits.has(text);
}

/** Number of elements of a shape; throws with code `shape` on sizes that are not whole, or on more elements than 2^53. */
export function elementCount(shape: readonly number[], where: string): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0)
      throw new CheckpointError('shape', `${where}: shape must hold whole sizes, got [${shape.join(', ')}]`);
    count *= size;
    if (!Number.isSafeInteger(count))
      throw new CheckpointError('shape', `${where}: shape must have at most 2^53 elements, got [${shape.join(', ')}]`);
  }
  return count;
}

/** Number of bytes that a tensor takes; throws with code `shape` when the elements of a sub-byte type do not fill whole bytes. */
export function byteLength({ dtype, shape }: TensorInfo, where: string): number {
  const bits = elementCount(shape, where) * (elementBits.get(dtype) ?? NaN);
  if (!Number.isSafeInteger(bits))
    throw new CheckpointError('shape', `${where}: [${shape.join(', ')}] of ${dtype} is too large`);
  if (bits % 8 !== 0)
    throw new CheckpointError('shape', `${where}: [${shape.join(', ')}] of ${dtype} does not fill whole bytes`);
  return bits / 8;
}
