import type * as engine from '@formers/backend/engine';
import { sizeOf } from '@formers/backend/engine';
import type { NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';

export { asRows, input, sizeOf, takeWanted } from '@formers/backend/engine';

/** What a kernel is called with. */
export type KernelCall<Attributes = NamedAttrMap> = engine.KernelCall<FormersWebGPUBackend, Attributes>;

/** One of our kernels. */
export type Kernel = engine.Kernel<FormersWebGPUBackend>;

/** Kernels by name. */
export type KernelTable = engine.KernelTable<FormersWebGPUBackend>;

/** Neighbours of a row that are read at a time: four where they never cross its end. */
export function widthOf(dim: number): 1 | 4 {
  return dim % 4 === 0 ? 4 : 1;
}

/** So many neighbours in WGSL. */
export function vectorOf(width: 1 | 4): 'f32' | 'vec4<f32>' {
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

/** Begins an entry point, which its code closes: the number of the workgroup is {@link WORKGROUP_INDEX}, that of the thread in it `lane`. */
export function entry(threads: number = WORKGROUP): string {
  return `@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {`;
}

/** An entry point that runs `body` for each `i < u.size`. */
export function elementwise(body: string): string {
  return `
${entry()}
  let i = ${WORKGROUP_INDEX} * ${WORKGROUP}u + lane;
  if (i >= u.size) { return; }
  ${body}
}`;
}
