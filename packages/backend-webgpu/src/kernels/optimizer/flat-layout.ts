import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';

/** Elements of a block: those of a workgroup of 256 threads with a vector of four each. */
export const BLOCK = 1024;
/** Bytes of a flat buffer, if its tensors don't need more. */
const MOST_BYTES = 2 ** 28;

/** Where several tensors lie one behind the other, each from a whole block on, so that one dispatch works on all of them. */
export interface FlatLayout {
  /** Numbers of the tensors in it. */
  readonly tensors: readonly number[];
  /** Of each of them, in elements. */
  readonly starts: readonly number[];
  /** In elements; whole blocks. */
  readonly size: number;
  /** [blocks, 2]: how many elements of a block count, and the number of its tensor. */
  readonly blocks: TensorInfo;
}

/** Layouts of each engine, by the sizes and numbers of the tensors. */
const known = new WeakMap<FormersWebGPUBackend, Map<string, readonly FlatLayout[]>>();
/** Layouts that are kept: a few for each optimizer in use. */
const MOST_LAYOUTS = 16;

/**
 * Layouts for tensors, in as few buffers as the device takes; the same ones for the same tensors.
 *
 * @param numbers One per tensor, for its blocks.
 */
export function flatLayouts(
  backend: FormersWebGPUBackend,
  { sizes, numbers }: { sizes: readonly number[]; numbers: readonly number[] },
): readonly FlatLayout[] {
  const layouts = known.get(backend) ?? new Map<string, readonly FlatLayout[]>();
  known.set(backend, layouts);
  const key = `${sizes.join()}|${numbers.join()}`;
  const found = layouts.get(key);
  if (found) return found;
  if (layouts.size >= MOST_LAYOUTS) {
    for (const { blocks } of [...layouts.values()].flat()) backend.disposeData(blocks.dataId);
    layouts.clear();
  }
  const most = Math.min(MOST_BYTES, backend.device.limits.maxStorageBufferBindingSize) / 4;
  const made = groupsOf(sizes, most).map((group) => layoutOf(backend, group, { sizes, numbers }));
  layouts.set(key, made);
  return made;
}

function groupsOf(sizes: readonly number[], most: number): number[][] {
  const groups: number[][] = [];
  let room = 0;
  sizes.forEach((size, tensor) => {
    if (size === 0) return;
    const needed = Math.ceil(size / BLOCK) * BLOCK;
    if (needed > room || groups.length === 0) {
      groups.push([]);
      room = most;
    }
    groups.at(-1)?.push(tensor);
    room -= needed;
  });
  return groups;
}

function layoutOf(
  backend: FormersWebGPUBackend,
  tensors: readonly number[],
  { sizes, numbers }: { sizes: readonly number[]; numbers: readonly number[] },
): FlatLayout {
  const starts: number[] = [];
  const blocks: number[] = [];
  for (const tensor of tensors) {
    const size = sizes[tensor] as number;
    starts.push((blocks.length / 2) * BLOCK);
    for (let from = 0; from < size; from += BLOCK) blocks.push(Math.min(BLOCK, size - from), numbers[tensor] as number);
  }
  const count = blocks.length / 2;
  const values = Float32Array.from(blocks);
  return { tensors, starts, size: count * BLOCK, blocks: backend.makeTensorInfo([count, 2], 'float32', values) };
}

/** Copies the tensors of a layout into a new one. */
export function gather(
  backend: FormersWebGPUBackend,
  all: readonly TensorInfo[],
  { tensors, starts, size }: FlatLayout,
): TensorInfo {
  const flat = backend.output([size]);
  tensors.forEach((tensor, i) => backend.copy(all[tensor] as TensorInfo, flat, starts[i]));
  return flat;
}
