import { type TensorInfo, util } from '@tensorflow/tfjs-core';

import {
  elementwise,
  input,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  vectorOf,
  widthOf,
  WORKGROUP,
} from './kernel.ts';

/** Rows that a thread adds up one after another without being waited for. */
const FEW_ROWS = 64;

/** Sums over the first axes, such as those of a batch, in one dispatch and in order; the others are tfjs's. */
function sum({
  backend,
  inputs,
  attributes: { axis, keepDims },
}: KernelCall<{ readonly axis: number | readonly number[]; readonly keepDims: boolean }>): TensorInfo | undefined {
  const x = input({ inputs }, 'x');
  const axes = util.parseAxisParam(axis as number | number[], x.shape);
  const last = Math.max(-1, ...axes);
  const isLeading = x.shape.slice(0, last + 1).every((size, i) => size === 1 || axes.includes(i));
  const rows = sizeOf({ shape: x.shape.slice(0, last + 1) });
  const size = sizeOf({ shape: x.shape.slice(last + 1) });
  if (x.dtype !== 'float32' || !isLeading || rows * size === 0 || rows > FEW_ROWS || size < rows) return undefined;
  const y = backend.output(x.shape.flatMap((length, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [length])));
  const width = widthOf(size);
  const as = vectorOf(width);
  backend.run({
    key: 'sum of rows',
    code: () =>
      elementwise(`var sum = x[i];
  for (var row = 1u; row < u.rows; row++) { sum += x[row * u.size + i]; }
  y[i] = sum;`),
    reads: { x: { tensor: x, as } },
    writes: { y: { tensor: y, as } },
    counts: { size: size / width, rows },
    workgroups: spread(Math.ceil(size / width / WORKGROUP)),
  });
  return y;
}

/** tfjs's sums, where a batch is summed up. */
export const sumKernels: KernelTable = { Sum: sum };
