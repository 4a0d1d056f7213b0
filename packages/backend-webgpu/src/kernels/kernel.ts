import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';

/** What a kernel is called with. */
export interface KernelCall<Attributes = NamedAttrMap> {
  readonly backend: FormersWebGPUBackend;
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
  if (!tensor) throw new Error(`formers-webgpu: the input ${name} is missing`);
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

/** Neighbours of a row that are read at a time: four where they never cross its end. */
export function widthOf(dim: number): 1 | 4 {
  return dim % 4 === 0 ? 4 : 1;
}

/** So many neighbours in WGSL. */
export function elementOf(width: 1 | 4): 'f32' | 'vec4<f32>' {
  return width === 4 ? 'vec4<f32>' : 'f32';
}

/** A tensor of zeros, from the host: for what is empty, or made of nothing. */
export function zeros(backend: FormersWebGPUBackend, shape: readonly number[]): TensorInfo {
  return backend.makeTensorInfo([...shape], 'float32', new Float32Array(sizeOf({ shape })));
}

/** Threads of a workgroup where nothing speaks for another number. */
export const WORKGROUP = 256;

/** Workgroups in x and y for so many of them; a device takes 65,535 in a row. In WGSL their number is {@link WORKGROUP_INDEX}. */
export function spread(workgroups: number): [x: number, y: number] {
  const y = Math.ceil(workgroups / 65_535);
  return [Math.ceil(workgroups / y), y];
}

/** The number of a workgroup of {@link spread}, from the builtins `workgroup_id` and `num_workgroups` as `group` and `groups`. May be one too many in the last rows. */
export const WORKGROUP_INDEX = '(group.y * groups.x + group.x)';

/** An entry point that runs `body` for each `i < u.size`. */
export function elementwise(body: string): string {
  return `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = ${WORKGROUP_INDEX} * ${WORKGROUP}u + lane;
  if (i >= u.size) { return; }
  ${body}
}`;
}
