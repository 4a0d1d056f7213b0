import type { TensorInfo } from '@tensorflow/tfjs-core';

import { asRows, entry, input, type KernelCall, type KernelTable, spread, WORKGROUP_INDEX } from './kernel.ts';
import { workgroupSum } from './reduce-code.ts';

/** Threads of a row: rows are often short. */
const threadsOf = (dim: number) => (dim <= 512 ? 64 : 256);

/** Maximum and sum in one pass by each thread (Milakov and Gimelshein 2018), then over the threads of the row. */
const code = (threads: number) => `
var<workgroup> tops: array<f32, ${threads}>;
var<workgroup> totals: array<f32, ${threads}>;
${entry(threads)}
  let row = min(${WORKGROUP_INDEX}, u.rows - 1u) * u.dim;
  var top = -3.4e38;
  var total = 0.0;
  for (var n = lane; n < u.dim; n += ${threads}u) {
    let value = x[row + n];
    let newest = max(top, value);
    total = total * exp(top - newest) + exp(value - newest);
    top = newest;
  }
  tops[lane] = top;
  totals[lane] = total;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) {
      let newest = max(tops[lane], tops[lane + half]);
      totals[lane] = totals[lane] * exp(tops[lane] - newest) + totals[lane + half] * exp(tops[lane + half] - newest);
      tops[lane] = newest;
    }
    workgroupBarrier();
  }
  top = tops[0];
  let share = 1.0 / totals[0];
  for (var n = lane; n < u.dim; n += ${threads}u) { y[row + n] = exp(x[row + n] - top) * share; }
}`;

function softmax({ backend, inputs, attributes }: KernelCall<{ dim: number }>): TensorInfo | undefined {
  const x = input({ inputs }, 'logits');
  if (x.dtype !== 'float32' || attributes.dim !== x.shape.length - 1) return undefined;
  const y = backend.output(x.shape);
  const { rows, dim } = asRows(x);
  if (rows === 0) return y;
  const threads = threadsOf(dim);
  backend.run({
    key: `softmax ${threads}`,
    code: () => code(threads),
    reads: { x },
    writes: { y },
    counts: { rows, dim },
    workgroups: spread(rows),
  });
  return y;
}

const gradientCode = (threads: number): string => `${workgroupSum(threads, 'f32')}
${entry(threads)}
  let row = min(${WORKGROUP_INDEX}, u.rows - 1u) * u.dim;
  var share = 0.0;
  for (var n = lane; n < u.dim; n += ${threads}u) { share += dy[row + n] * y[row + n]; }
  let total = sumOfWorkgroup(lane, share);
  for (var n = lane; n < u.dim; n += ${threads}u) { dx[row + n] = (dy[row + n] - total) * y[row + n]; }
}`;

function softmaxGradient({ backend, inputs }: KernelCall): TensorInfo {
  const [dy, y] = [input({ inputs }, 'dy'), input({ inputs }, 'y')];
  const dx = backend.output(y.shape);
  const { rows, dim } = asRows(y);
  if (rows === 0) return dx;
  const threads = threadsOf(dim);
  backend.run({
    key: `softmax gradient ${threads}`,
    code: () => gradientCode(threads),
    reads: { dy, y },
    writes: { dx },
    counts: { rows, dim },
    workgroups: spread(rows),
  });
  return dx;
}

/** tfjs's softmax over the last axis, a row in one pass, and the gradient that @formers/backend gives it. */
export const softmaxKernels: KernelTable = { Softmax: softmax, FormersSoftmaxGradient: softmaxGradient };
