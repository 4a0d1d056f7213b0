import { slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';
import { collapse, type LoopAxis, stridesFor } from './strides.ts';

const MAX_AXES = 8;
const UNIT = 8192;

/** Whether values are 4 bytes wide, as the copying kernels take them. */
export function isWide({ dtype }: TensorInfo): boolean {
  return dtype === 'float32' || dtype === 'int32';
}

const output = (backend: SimdBackend, shape: readonly number[], { dtype }: TensorInfo) =>
  backend.output(shape, dtype as 'float32' | 'int32');

/** Copies a strided view of 4-byte values into a new tensor; `offset` in elements. Undefined when it has too many axes. */
export function gather(
  backend: SimdBackend,
  x: TensorInfo,
  { shape, strides, offset }: { shape: readonly number[]; strides: readonly number[]; offset: number },
): TensorInfo | undefined {
  const axes = collapse(shape, [strides]);
  const inner = axes.pop() ?? { size: 1, strides: [1] };
  if (axes.length > MAX_AXES) return undefined;
  const y = output(backend, shape, x);
  const size = sizeOf(y);
  if (size === 0) return y;
  const list = (f: (axis: LoopAxis) => number) =>
    Array.from({ length: MAX_AXES }, (_, i) => (axes[i] ? f(axes[i]) : 0));
  const integers = [
    backend.address(x) + offset * 4,
    backend.address(y),
    inner.size,
    inner.strides[0] ?? 1,
    axes.length,
    size / inner.size,
    Math.max(1, Math.floor(UNIT / inner.size)),
    0,
    0,
    0,
  ];
  backend.engine.run(
    'gatherStrided',
    [...integers, ...list((axis) => axis.size), ...list((axis) => axis.strides[0] ?? 0)],
    { work: size },
  );
  return y;
}

function transpose({
  backend,
  inputs,
  attributes: { perm },
}: KernelCall<{ perm: readonly number[] }>): TensorInfo | undefined {
  const x = input({ inputs }, 'x');
  if (!isWide(x)) return undefined;
  const all = stridesFor(x.shape, x.shape);
  const shape = perm.map((axis) => x.shape[axis] as number);
  const strides = perm.map((axis) => all[axis] as number);
  const axes = collapse(shape, [strides]);
  const [last, beforeLast] = [axes.at(-1), axes.at(-2)];
  // [batch..., m, n] to [batch..., n, m]: blocks of 4 x 4.
  if (
    last &&
    beforeLast &&
    beforeLast.strides[0] === 1 &&
    last.strides[0] === beforeLast.size &&
    axes.length <= 3 &&
    (axes.length === 2 || axes[0]?.strides[0] === last.size * beforeLast.size)
  ) {
    const y = output(backend, shape, x);
    const size = sizeOf(y);
    if (size === 0) return y;
    const batch = size / (last.size * beforeLast.size);
    backend.engine.run(
      'transposeMatrices',
      [batch, last.size, beforeLast.size, backend.address(x), backend.address(y)],
      { work: size },
    );
    return y;
  }
  return gather(backend, x, { shape, strides, offset: 0 });
}

function slice({
  backend,
  inputs,
  attributes,
}: KernelCall<{ begin: number | number[]; size: number | number[] }>): TensorInfo | undefined {
  const x = input({ inputs }, 'x');
  if (!isWide(x)) return undefined;
  const [begin, shape] = slice_util.parseSliceParams(x as never, attributes.begin, attributes.size) as [
    number[],
    number[],
  ];
  slice_util.assertParamsValid(x as never, begin, shape);
  const strides = util.computeStrides(x.shape);
  const all = x.shape.map((_, axis) => strides[axis] ?? 1);
  const offset = begin.reduce((total, at, axis) => total + at * (all[axis] as number), 0);
  return gather(backend, x, { shape, strides: all, offset });
}

function concat({ backend, inputs, attributes }: KernelCall<{ axis: number }>): TensorInfo | undefined {
  const tensors = Object.values(inputs);
  const first = tensors[0];
  if (!first || !tensors.every((tensor) => tensor.dtype === first.dtype && isWide(tensor))) return undefined;
  const axis = util.parseAxisParam(attributes.axis, first.shape)[0] as number;
  const rows = sizeOf({ shape: first.shape.slice(0, axis) });
  const inner = sizeOf({ shape: first.shape.slice(axis + 1) });
  const total = tensors.reduce((sum, { shape }) => sum + (shape[axis] as number), 0);
  const fits = tensors.every(
    ({ shape }) =>
      shape.length === first.shape.length && shape.every((size, i) => i === axis || size === first.shape[i]),
  );
  if (!fits) return undefined;
  const y = output(backend, first.shape.with(axis, total), first);
  let column = 0;
  for (const tensor of tensors) {
    const bytes = (tensor.shape[axis] as number) * inner * 4;
    const unitRows = Math.max(1, Math.floor((UNIT * 4) / Math.max(1, bytes)));
    if (bytes > 0 && rows > 0) {
      backend.engine.run(
        'copyRows',
        [rows, bytes, backend.address(tensor), bytes, backend.address(y) + column, total * inner * 4, unitRows],
        { work: (rows * bytes) / 4 },
      );
    }
    column += bytes;
  }
  return y;
}

function pad({
  backend,
  inputs,
  attributes: { paddings, constantValue },
}: KernelCall<{ paddings: readonly (readonly [number, number])[]; constantValue: number }>): TensorInfo | undefined {
  const x = input({ inputs }, 'x');
  if (!isWide(x)) return undefined;
  const shape = x.shape.map((size, axis) => size + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0));
  const y = fillWith(backend, shape, { value: constantValue, dtype: x.dtype });
  const strides = stridesFor(shape, shape);
  const offset = strides.reduce((total, stride, axis) => total + stride * (paddings[axis]?.[0] ?? 0), 0);
  if (!y) return undefined;
  const axes = collapse(x.shape, [strides]);
  const isRun = axes.at(-1)?.strides[0] === 1;
  const inner = isRun ? (axes.pop() as LoopAxis).size : 1;
  const size = sizeOf(x);
  if (axes.length > MAX_AXES || size === 0) return y;
  const list = (f: (axis: LoopAxis) => number) =>
    Array.from({ length: MAX_AXES }, (_, i) => (axes[i] ? f(axes[i]) : 0));
  const integers = [
    backend.address(x),
    backend.address(y) + offset * 4,
    inner,
    1,
    axes.length,
    size / inner,
    Math.max(1, Math.floor(UNIT / inner)),
    0,
    0,
    0,
  ];
  backend.engine.run(
    'scatterStrided',
    [...integers, ...list((axis) => axis.size), ...list((axis) => axis.strides[0] ?? 0)],
    { work: size },
  );
  return y;
}

/** A new tensor of one value; undefined for dtypes that aren't numbers. */
export function fillWith(
  backend: SimdBackend,
  shape: readonly number[],
  { value, dtype = 'float32' }: { value: number; dtype?: string | undefined },
): TensorInfo | undefined {
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') return undefined;
  const y = backend.output(shape, dtype);
  const size = sizeOf(y);
  if (dtype === 'bool') backend.values(y).fill(value);
  else {
    const [bits = 0] = dtype === 'int32' ? [value] : new Int32Array(Float32Array.of(value).buffer);
    backend.engine.run('fillValues', [size, backend.address(y), bits], { work: size });
  }
  return y;
}

function fill({
  backend,
  attributes: { shape, value, dtype },
}: KernelCall<{ shape: number[]; value: number | string; dtype?: string }>): TensorInfo | undefined {
  return typeof value === 'number' ? fillWith(backend, shape, { value, dtype }) : undefined;
}

/** Zeros or ones of the shape of x. */
function likeOf(value: number): Kernel {
  return ({ backend, inputs }: KernelCall): TensorInfo | undefined => {
    const { shape, dtype } = input({ inputs }, 'x');
    return fillWith(backend, shape, { value, dtype });
  };
}

function select({ backend, inputs }: KernelCall): TensorInfo | undefined {
  const [condition, a, b] = ['condition', 't', 'e'].map((name) => input({ inputs }, name)) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ];
  if (
    !isWide(a) ||
    a.dtype !== b.dtype ||
    condition.dtype !== 'bool' ||
    sizeOf(condition) !== sizeOf(a) ||
    sizeOf(a) !== sizeOf(b)
  )
    return undefined;
  const y = output(backend, a.shape, a);
  const size = sizeOf(a);
  backend.engine.run('selectValues', [size, ...[condition, a, b, y].map((tensor) => backend.address(tensor))], {
    work: size,
  });
  return y;
}

function gatherV2({
  backend,
  inputs,
  attributes,
}: KernelCall<{ axis: number; batchDims?: number }>): TensorInfo | undefined {
  const x = input({ inputs }, 'x');
  const indices = input({ inputs }, 'indices');
  const [axis = 0] = util.parseAxisParam(attributes.axis, x.shape);
  const rows = x.shape[axis] ?? 0;
  if (
    !isWide(x) ||
    indices.dtype !== 'int32' ||
    (attributes.batchDims ?? 0) !== 0 ||
    !backend.values(indices).every((id) => id >= 0 && id < rows)
  )
    return undefined;
  const outer = sizeOf({ shape: x.shape.slice(0, axis) });
  const dim = sizeOf({ shape: x.shape.slice(axis + 1) });
  const count = sizeOf(indices);
  const y = output(backend, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], x);
  for (let i = 0; i < outer; i++) {
    const [table, target] = [backend.address(x) + i * rows * dim * 4, backend.address(y) + i * count * dim * 4];
    backend.engine.run('gatherRows', [count, dim, backend.address(indices), table, target, rows], {
      work: count * dim,
    });
  }
  return y;
}

function unsortedSegmentSum({
  backend,
  inputs,
  attributes: { numSegments },
}: KernelCall<{ numSegments: number }>): TensorInfo | undefined {
  const x = input({ inputs }, 'x');
  const ids = input({ inputs }, 'segmentIds');
  if (x.dtype !== 'float32' || ids.dtype !== 'int32' || ids.shape.length !== 1) return undefined;
  const count = sizeOf(ids);
  const rest = x.shape.slice(1);
  const dim = sizeOf({ shape: rest });
  const y = backend.output([numSegments, ...rest]);
  backend.engine.run(
    'scatterAddRows',
    [count, dim, backend.address(ids), backend.address(x), backend.address(y), numSegments],
    { work: (count + numSegments) * dim },
  );
  return y;
}

/** Kernels of tfjs that rearrange values. */
export const movementKernels: KernelTable = {
  Transpose: transpose,
  Slice: slice,
  Concat: concat,
  PadV2: pad,
  Fill: fill,
  ZerosLike: likeOf(0),
  OnesLike: likeOf(1),
  Select: select,
  GatherV2: gatherV2,
  UnsortedSegmentSum: unsortedSegmentSum,
};
