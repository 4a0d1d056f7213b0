import { type TensorInfo, util } from '@tensorflow/tfjs-core';

import {
  entry,
  input,
  type Kernel,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  WORKGROUP_INDEX,
} from './kernel.ts';

const LANES = 64;

interface ScanAttributes {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** Running sums and products along an axis: a workgroup for each, a piece of the axis for each thread, in two passes. tfjs-backend-webgpu's are wrong from the end. */
function scan(name: 'cumsum' | 'cumprod'): Kernel {
  const [operator, neutral] = name === 'cumsum' ? ['+', '0'] : ['*', '1'];
  return ({ backend, inputs, attributes }: KernelCall<ScanAttributes>): TensorInfo | undefined => {
    const x = input({ inputs }, 'x');
    if (x.dtype !== 'float32' && x.dtype !== 'int32') return undefined;
    const [axis = 0] = util.parseAxisParam(attributes.axis, x.shape);
    const { exclusive, reverse } = attributes;
    const size = x.shape[axis] ?? 1;
    const y = backend.output(x.shape, x.dtype);
    if (sizeOf(y) === 0) return y;
    const rows = sizeOf(y) / size;
    const element = x.dtype === 'float32' ? 'f32' : 'i32';
    backend.run({
      key: `${name}${exclusive ? ' exclusive' : ''}${reverse ? ' reverse' : ''}`,
      code: () => `
var<workgroup> pieces: array<${element}, ${LANES}>;
${entry(LANES)}
  let row = ${WORKGROUP_INDEX};
  if (row >= u.rows) { return; }
  let start = row / u.inner * u.inner * u.size + row % u.inner;
  let length = (u.size + ${LANES - 1}u) / ${LANES}u;
  let first = min(lane * length, u.size);
  let end = min(first + length, u.size);
  var total = ${element}(${neutral});
  for (var i = first; i < end; i++) { total = total ${operator} x[start + ${reverse ? '(u.size - 1u - i)' : 'i'} * u.inner]; }
  pieces[lane] = total;
  workgroupBarrier();
  var running = ${element}(${neutral});
  for (var before = 0u; before < lane; before++) { running = running ${operator} pieces[before]; }
  for (var i = first; i < end; i++) {
    let place = start + ${reverse ? '(u.size - 1u - i)' : 'i'} * u.inner;
    let next = running ${operator} x[place];
    y[place] = ${exclusive ? 'running' : 'next'};
    running = next;
  }
}`,
      ...{ reads: { x }, writes: { y } },
      counts: { rows, size, inner: sizeOf({ shape: x.shape.slice(axis + 1) }) },
      workgroups: spread(rows),
    });
    return y;
  };
}

/** Running sums and products. */
export const scanKernels: KernelTable = { Cumsum: scan('cumsum'), Cumprod: scan('cumprod') };
