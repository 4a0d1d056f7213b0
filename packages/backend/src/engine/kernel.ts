import type { DataId, NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';

/** What a kernel is called with. */
export interface KernelCall<Backend, Attributes = NamedAttrMap> {
  readonly backend: Backend;
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attributes: Attributes;
}

/** A kernel of an engine. Returns undefined for what it leaves to tfjs's own kernel of the same name, such as other dtypes. */
export type Kernel<Backend> = (call: KernelCall<Backend, never>) => TensorInfo | TensorInfo[] | undefined;

/** Kernels by name. */
export type KernelTable<Backend> = Readonly<Record<string, Kernel<Backend>>>;

/** An input that must be there. */
export function input({ inputs }: { readonly inputs: Readonly<Record<string, TensorInfo>> }, name: string): TensorInfo {
  const tensor = inputs[name];
  if (!tensor) throw new Error(`a kernel was called without its input ${name}`);
  return tensor;
}

/** Number of elements. */
export function sizeOf({ shape }: { readonly shape: readonly number[] }): number {
  let size = 1;
  for (const axis of shape) size *= axis;
  return size;
}

/** A tensor as [rows, dim]: the size of its last axis, and of all others together. */
export function asRows(tensor: { readonly shape: readonly number[] }): { rows: number; dim: number } {
  const dim = tensor.shape.at(-1) ?? 1;
  return { rows: dim === 0 ? 0 : sizeOf(tensor) / dim, dim };
}

/** The wanted ones of the gradients that a kernel made, in their order; the others are freed. */
export function takeWanted(
  {
    backend,
    attributes: { wanted },
  }: KernelCall<{ disposeData(dataId: DataId): unknown }, { readonly wanted: readonly string[] }>,
  gradients: Readonly<Record<string, TensorInfo>>,
): TensorInfo[] {
  for (const [name, { dataId }] of Object.entries(gradients)) if (!wanted.includes(name)) backend.disposeData(dataId);
  return wanted.map((name) => gradients[name] as TensorInfo);
}
