import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import { elementwise, sizeOf, spread, vectorOf, widthOf, WORKGROUP } from './kernel.ts';

/** A dispatch that does the same for each element of tensors of one size. */
export interface ElementwiseCall {
  /** Names the code. */
  readonly key: string;
  /** WGSL functions that the body calls, for one number or for four at a time. */
  readonly helpers?: (element: 'f32' | 'vec4<f32>') => string;
  /** Statements for element `i`, that are right for one number and for four. */
  readonly body: string;
  /** float32 tensors. */
  readonly reads: Readonly<Record<string, TensorInfo>>;
  readonly writes: Readonly<Record<string, TensorInfo>>;
  /** float32 tensors of one element each, the same for all: `name[0]`. */
  readonly scalars?: Readonly<Record<string, TensorInfo>>;
  readonly numbers?: Readonly<Record<string, number>>;
}

/** Runs it, four elements per thread where their number allows; nothing for empty tensors. */
export function runElementwise(
  backend: FormersWebGPUBackend,
  { key, helpers, body, reads, writes, scalars = {}, numbers = {} }: ElementwiseCall,
): void {
  const [first] = Object.values(writes);
  const size = first ? sizeOf(first) : 0;
  if (size === 0) return;
  const width = widthOf(size);
  const [element, count] = [vectorOf(width), size / width];
  const bound = (tensors: typeof reads) =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, { tensor, as: element } as const]));
  backend.run({
    key: `${key} elementwise`,
    code: () => `${helpers?.(element) ?? ''}\n${elementwise(body)}`,
    reads: { ...bound(reads), ...scalars },
    writes: bound(writes),
    counts: { size: count },
    numbers,
    workgroups: spread(Math.ceil(count / WORKGROUP)),
  });
}
