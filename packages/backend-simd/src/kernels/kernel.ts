import type * as engine from '@formers/backend/engine';
import { sizeOf } from '@formers/backend/engine';
import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';

export { asRows, input, sizeOf, takeWanted } from '@formers/backend/engine';

/** What a kernel is called with. */
export type KernelCall<Attributes = NamedAttrMap> = engine.KernelCall<SimdBackend, Attributes>;

/** One of our kernels. */
export type Kernel = engine.Kernel<SimdBackend>;

/** Kernels by name. */
export type KernelTable = engine.KernelTable<SimdBackend>;

/** Whether all are float32. */
export function areFloats(...tensors: readonly (TensorInfo | undefined)[]): boolean {
  return tensors.every((tensor) => tensor === undefined || tensor.dtype === 'float32');
}

/** Sets a whole tensor to zero. */
export function fillZeros(backend: SimdBackend, tensor: TensorInfo): TensorInfo {
  const address = backend.address(tensor);
  backend.engine.memory.u8.fill(0, address, address + sizeOf(tensor) * (tensor.dtype === 'bool' ? 1 : 4));
  return tensor;
}

/** Runs `f` with the address of ids as int32, whatever dtype they came in. */
export function withInt32<T>(backend: SimdBackend, ids: TensorInfo, f: (address: number) => T): T {
  if (ids.dtype === 'int32') return f(backend.address(ids));
  const copy = backend.makeTensorInfo(
    ids.shape,
    'int32',
    Int32Array.from(backend.readSync(ids.dataId) as Float32Array),
  );
  try {
    return f(backend.address(copy));
  } finally {
    backend.disposeData(copy.dataId);
  }
}
