import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { sizeOf } from '../kernel.ts';
import type { Extent } from './problem.ts';
import { multiply } from './product.ts';

/** Sums over the rows of a matrix, where no product makes them on its way. */
export function addColumnSums(
  backend: FormersWebGPUBackend,
  sums: TensorInfo,
  {
    tensor,
    rows,
    accumulate = false,
    extent,
  }: { tensor: TensorInfo; rows: number; accumulate?: boolean; extent?: Extent | undefined },
): void {
  const ones = backend.makeTensorInfo([rows], 'float32', new Float32Array(rows).fill(1));
  const size = { rows: 1, columns: sizeOf(sums), depth: rows };
  multiply(backend, { ...size, a: { tensor: ones }, b: { tensor }, c: { tensor: sums }, accumulate, extent });
  backend.disposeData(ones.dataId);
}
