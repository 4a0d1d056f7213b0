import { type StoredTensor, toFloat32, toInt32 } from '@formers/checkpoints';
import { tensor, type Tensor } from '@tensorflow/tfjs-core';

/** A stored tensor on the engine: whole numbers as int32, BOOL as bool, the rest as float32. */
export function toTensor(stored: StoredTensor): Tensor {
  const shape = [...stored.shape];
  if (stored.dtype === 'BOOL') return tensor(Uint8Array.from(stored.bytes), shape, 'bool');
  if (/^[IU]\d/.test(stored.dtype)) return tensor(toInt32(stored), shape, 'int32');
  return tensor(toFloat32(stored), shape);
}
