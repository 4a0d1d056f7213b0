import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';

/** What a kernel is called with. */
export interface KernelCall<Attributes = NamedAttrMap> {
  readonly backend: SimdBackend;
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attributes: Attributes;
}

/** One of our kernels. Returns undefined for what it leaves to tfjs's own kernel of the same name, such as other dtypes. */
export type Kernel = (call: KernelCall<never>) => TensorInfo | TensorInfo[] | undefined;

/** Kernels by name. */
export type KernelTable = Readonly<Record<string, Kernel>>;

/** An input that must be there. */
export function input({ inputs }: { readonly inputs: Readonly<Record<string, TensorInfo>> }, name: string): TensorInfo {
  const tensor = inputs[name];
  if (!tensor) throw new Error(`formers-simd: the input ${name} is missing`);
  return tensor;
}

/** Number of elements. */
export function sizeOf({ shape }: { readonly shape: readonly number[] }): number {
  let size = 1;
  for (const axis of shape) size *= axis;
  return size;
}

/** A tensor as [rows, dim]: the size of its last axis, and of all others together. */
export function asRows(tensor: TensorInfo): { rows: number; dim: number } {
  const dim = tensor.shape.at(-1) ?? 1;
  return { rows: dim === 0 ? 0 : sizeOf(tensor) / dim, dim };
}

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
