import { type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { areFloats, asRows, input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';
import { movementKernels } from './movement.ts';

const SUM = 0;
const MAX = 1;
const MIN = 2;
const PRODUCT = 3;
const UNIT = 8192;

interface ReduceAttributes {
  readonly axis?: number | number[];
  readonly reductionIndices?: number | number[];
  readonly keepDims?: boolean;
}

/** Reduces neighbouring axes: [outer, axis, inner]. */
function reduceMiddle(
  backend: SimdBackend,
  code: number,
  x: TensorInfo,
  {
    outer,
    axis,
    inner,
    shape,
    factor,
  }: { outer: number; axis: number; inner: number; shape: readonly number[]; factor: number },
): TensorInfo {
  const y = backend.output(shape);
  if (inner === 1) {
    const unitRows = Math.max(1, Math.floor(UNIT / axis));
    backend.engine.run('reduceRows', [code, outer, axis, backend.address(x), backend.address(y), 0, unitRows], {
      floats: { 5: factor },
      work: outer * axis,
    });
  } else {
    backend.engine.run('reduceColumns', [code, outer, axis, inner, backend.address(x), backend.address(y)], {
      floats: { 6: factor },
      work: outer * axis * inner,
    });
  }
  return y;
}

function reduction(code: number, { isMean = false } = {}): Kernel {
  return ({ backend, inputs, attributes }: KernelCall<ReduceAttributes>): TensorInfo | undefined => {
    const x = input({ inputs }, 'x');
    const size = sizeOf(x);
    if (!areFloats(x) || size === 0) return undefined;
    const given = attributes.axis ?? attributes.reductionIndices ?? x.shape.map((_, i) => i);
    const axes = util.parseAxisParam(given, x.shape).toSorted((a, b) => a - b);
    const reduced = axes.map((axis) => x.shape[axis] as number);
    const shape = attributes.keepDims
      ? x.shape.map((axis, i) => (axes.includes(i) ? 1 : axis))
      : x.shape.filter((_, i) => !axes.includes(i));
    const axis = reduced.reduce((product, n) => product * n, 1);
    const factor = isMean ? 1 / axis : 1;
    const first = axes[0] ?? 0;
    const neighbours = axes.every((value, i) => value === first + i);
    if (neighbours) {
      const outer = sizeOf({ shape: x.shape.slice(0, first) });
      return reduceMiddle(backend, code, x, { outer, axis, inner: size / outer / axis, shape, factor });
    }
    const perm = [...x.shape.keys()].filter((i) => !axes.includes(i)).concat(axes);
    const moved = movementKernels['Transpose']?.({ backend, inputs: { x }, attributes: { perm } as never }) as
      | TensorInfo
      | undefined;
    if (!moved) return undefined;
    const y = reduceMiddle(backend, code, moved, { outer: size / axis, axis, inner: 1, shape, factor });
    backend.disposeData(moved.dataId);
    return y;
  };
}

function softmax({ backend, inputs, attributes: { dim } }: KernelCall<{ dim: number }>): TensorInfo | undefined {
  const x = input({ inputs }, 'logits');
  if (!areFloats(x) || dim !== x.shape.length - 1 || sizeOf(x) === 0) return undefined;
  const y = backend.output(x.shape);
  const { rows, dim: size } = asRows(x);
  backend.engine.run('softmaxRows', [rows, size, backend.address(x), backend.address(y)], { work: sizeOf(x) * 4 });
  return y;
}

/** Reductions of tfjs. */
export const reduceKernels: KernelTable = {
  Sum: reduction(SUM),
  Mean: reduction(SUM, { isMean: true }),
  Max: reduction(MAX),
  Min: reduction(MIN),
  Prod: reduction(PRODUCT),
  Softmax: softmax,
};
