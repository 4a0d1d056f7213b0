import {
  add,
  addN,
  cast,
  concat,
  cos,
  depthwiseConv2d,
  elu,
  expm1,
  leakyRelu,
  log,
  log1p,
  mirrorPad,
  mod,
  mul,
  pow,
  reverse,
  round,
  scalar,
  sign,
  sin,
  softplus,
  split,
  stack,
  stridedSlice,
  sub,
  type Tensor,
  type Tensor4D,
  tile,
  unstack,
} from '@tensorflow/tfjs-core';

import { type Array64, broadcastAt, forEachIndex } from './array64.ts';
import type { OpCase } from './op-case.ts';

interface View {
  readonly shape: readonly number[];
  readonly target: readonly number[];
  readonly op: (x: Tensor) => Tensor;
  /** Where the element at these indices of the target comes from. */
  readonly source: (indices: readonly number[]) => readonly number[];
  readonly differentiable?: boolean;
}

function viewCase(name: string, { shape, target, op, source, differentiable = true }: View): OpCase {
  return {
    name: `${name}: [${shape.join()}]`,
    inputs: [{ shape, differentiable }],
    op: ([x]) => op(x as Tensor),
    reference: ([x]) => {
      const y = new Float64Array(target.reduce((product, size) => product * size, 1));
      forEachIndex(target, (indices, flat) => {
        y[flat] = broadcastAt(x as Array64, source(indices));
      });
      return y;
    },
    tolerance: 1e-6,
  };
}

function tileCase(shape: readonly number[], reps: readonly number[]): OpCase {
  return viewCase(`tile by ${reps.join()}`, {
    shape,
    target: shape.map((size, axis) => size * (reps[axis] as number)),
    op: (x) => tile(x, [...reps]),
    source: (indices) => indices.map((index, axis) => index % (shape[axis] as number)),
  });
}

function reverseCase(shape: readonly number[], axes: readonly number[]): OpCase {
  return viewCase(`reverse ${axes.join()}`, {
    shape,
    target: shape,
    op: (x) => reverse(x, [...axes]),
    source: (indices) =>
      indices.map((index, axis) => (axes.includes(axis) ? (shape[axis] as number) - 1 - index : index)),
  });
}

function mirrorCase(
  mode: 'reflect' | 'symmetric',
  shape: readonly number[],
  paddings: readonly [number, number][],
): OpCase {
  const edge = mode === 'reflect' ? 0 : 1;
  return viewCase(`mirrorPad ${mode}`, {
    shape,
    target: shape.map((size, axis) => size + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0)),
    op: (x) => mirrorPad(x, [...paddings], mode),
    source: (indices) =>
      indices.map((index, axis) => {
        const [at, size] = [index - (paddings[axis]?.[0] ?? 0), shape[axis] as number];
        return at < 0 ? -at - edge : at < size ? at : 2 * size - 2 - at + edge;
      }),
    differentiable: false, // tfjs-core's gradient is the one of zero padding
  });
}

/** A function number by number; on both sides of 0 unless it isn't defined there. */
function functionCase(
  name: string,
  {
    op,
    reference,
    from = -4.03,
    differentiable = true,
  }: { op: (x: Tensor) => Tensor; reference: (x: number) => number; from?: number; differentiable?: boolean },
): OpCase {
  return {
    name,
    inputs: [{ shape: [5, 41], values: Float32Array.from({ length: 205 }, (_, i) => from + i / 25), differentiable }],
    op: ([x]) => op(x as Tensor),
    reference: ([x]) => (x as Array64).data.map(reference),
  };
}

/** The nearest whole number, the even one of two. */
function roundEven(x: number): number {
  const nearest = Math.round(x);
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

function depthwiseCase(
  input: readonly [number, number, number, number],
  {
    filter,
    multiplier,
    stride,
    pad,
  }: { filter: readonly [number, number]; multiplier: number; stride: number; pad: 'same' | 'valid' },
): OpCase {
  const [batch, height, width, channels] = input;
  const extent = (size: number, window: number) => {
    if (pad === 'valid') return { out: Math.floor((size - window) / stride) + 1, before: 0 };
    const out = Math.ceil(size / stride);
    return { out, before: Math.floor(Math.max(0, (out - 1) * stride + window - size) / 2) };
  };
  const [rows, columns] = [extent(height, filter[0]), extent(width, filter[1])];
  return {
    name: `depthwiseConv2d: [${input.join()}] by [${filter.join()}], ${multiplier} each, stride ${stride}, ${pad}`,
    inputs: [{ shape: input }, { shape: [...filter, channels, multiplier] }],
    op: ([x, w]) => depthwiseConv2d(x as Tensor4D, w as Tensor4D, stride, pad),
    reference: ([x, w]) => {
      const y = new Float64Array(batch * rows.out * columns.out * channels * multiplier);
      forEachIndex([batch, rows.out, columns.out, channels, multiplier], (indices, flat) => {
        const [b, row, column, c, q] = indices as [number, number, number, number, number];
        forEachIndex(filter, ([i = 0, j = 0]) => {
          const [at, across] = [row * stride - rows.before + i, column * stride - columns.before + j];
          if (at < 0 || at >= height || across < 0 || across >= width) return;
          y[flat] =
            (y[flat] as number) +
            broadcastAt(x as Array64, [b, at, across, c]) * broadcastAt(w as Array64, [i, j, c, q]);
        });
      });
      return y;
    },
  };
}

/** Views and copies, functions, whole numbers, depthwise convolutions: kernels of tfjs that engines replace. */
export const viewCases: readonly OpCase[] = [
  tileCase([5], [3]),
  tileCase([2, 3, 4], [2, 1, 3]),
  reverseCase([9], [0]),
  reverseCase([3, 5, 4], [0, 2]),
  mirrorCase('reflect', [4, 5], [[2, 1], [0, 3]]), // prettier-ignore
  mirrorCase('symmetric', [4, 5], [[2, 1], [3, 5]]), // prettier-ignore
  viewCase('stridedSlice', {
    shape: [7, 9],
    target: [3, 4],
    op: (x) => stridedSlice(x, [1, 8], [6, 0], [2, -2]),
    source: ([i = 0, j = 0]) => [1 + 2 * i, 8 - 2 * j],
    differentiable: false,
  }),
  viewCase('stack of unstacked rows, turned', {
    shape: [3, 5],
    target: [5, 3],
    op: (x) => stack(unstack(x, 0), 1),
    source: ([i = 0, j = 0]) => [j, i],
  }),
  viewCase('split, and joined the other way round', {
    shape: [2, 9, 3],
    target: [2, 9, 3],
    op: (x) => concat(split(x, [2, 6, 1], 1).toReversed(), 1),
    source: ([i = 0, j = 0, k = 0]) => [i, j === 0 ? 8 : j < 7 ? j + 1 : j - 7, k],
  }),
  functionCase('log', { op: log, reference: Math.log, from: 0.05 }),
  functionCase('log1p', { op: log1p, reference: Math.log1p, from: -0.9 }),
  functionCase('expm1', { op: expm1, reference: Math.expm1 }),
  functionCase('sin', { op: sin, reference: Math.sin }),
  functionCase('cos', { op: cos, reference: Math.cos }),
  functionCase('softplus', { op: softplus, reference: (x) => Math.log1p(Math.exp(x)) }),
  functionCase('elu', { op: elu, reference: (x) => (x >= 0 ? x : Math.expm1(x)) }),
  functionCase('leakyRelu', { op: (x) => leakyRelu(x, 0.1), reference: (x) => (x < 0 ? 0.1 * x : x) }),
  functionCase('sign', { op: sign, reference: Math.sign, differentiable: false }),
  functionCase('round', { op: round, reference: roundEven, from: -4, differentiable: false }),
  functionCase('mod', {
    op: (x) => mod(x, 1.75),
    reference: (x) => x - 1.75 * Math.floor(x / 1.75),
    differentiable: false,
  }),
  {
    name: 'pow',
    inputs: [
      { shape: [6, 7], values: Float32Array.from({ length: 42 }, (_, i) => 0.2 + i / 11) },
      { shape: [6, 7], values: Float32Array.from({ length: 42 }, (_, i) => ((i * 5) % 11) / 3 - 1.5) },
    ],
    op: ([x, y]) => pow(x as Tensor, y as Tensor),
    reference: ([x, y]) => (x as Array64).data.map((value, i) => value ** ((y as Array64).data[i] as number)),
  },
  {
    name: 'addN',
    inputs: [{ shape: [3, 17] }, { shape: [3, 17] }, { shape: [3, 17] }],
    op: (tensors) => addN(tensors),
    reference: ([x, y, z]) =>
      (x as Array64).data.map(
        (value, i) => value + ((y as Array64).data[i] as number) + ((z as Array64).data[i] as number),
      ),
  },
  {
    name: 'whole numbers: sums and products, broadcast',
    inputs: [
      { shape: [6, 17], dtype: 'int32', values: Int32Array.from({ length: 102 }, (_, i) => i * 31 - 900) },
      { shape: [17], dtype: 'int32', values: Int32Array.from({ length: 17 }, (_, i) => 5 - i) },
    ],
    op: ([x, y]) => cast(mul(sub(add(x as Tensor, y as Tensor), scalar(3, 'int32')), y as Tensor), 'float32'),
    reference: ([x, y]) =>
      (x as Array64).data.map((value, i) => {
        const other = (y as Array64).data[i % 17] as number;
        return (value + other - 3) * other;
      }),
  },
  depthwiseCase([2, 5, 6, 3], { filter: [3, 3], multiplier: 1, stride: 1, pad: 'same' }),
  depthwiseCase([1, 7, 5, 37], { filter: [3, 2], multiplier: 1, stride: 2, pad: 'valid' }),
  depthwiseCase([2, 6, 6, 2], { filter: [3, 3], multiplier: 3, stride: 1, pad: 'same' }),
];
