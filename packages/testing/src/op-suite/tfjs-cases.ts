import {
  add,
  concat,
  div,
  exp,
  max,
  maximum,
  mean,
  min,
  minimum,
  mul,
  neg,
  reciprocal,
  rsqrt,
  slice,
  softmax,
  sqrt,
  square,
  squaredDifference,
  sub,
  sum,
  type Tensor,
  transpose,
} from '@tensorflow/tfjs-core';

import { type Array64, broadcastAt, forEachIndex } from './array64.ts';
import type { OpCase } from './op-case.ts';

type Binary = (x: Tensor, y: Tensor) => Tensor;

/** Operations whose gradient tfjs-core gets wrong where it broadcasts, and that have a kink where both sides are equal. */
const VALUE_ONLY = ['maximum', 'minimum', 'squaredDifference'];

function binaryCase(
  name: string,
  {
    op,
    reference,
    a,
    b,
  }: { op: Binary; reference: (x: number, y: number) => number; a: readonly number[]; b: readonly number[] },
): OpCase {
  const rank = Math.max(a.length, b.length);
  const shape = Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a.at(i - rank), b.at(i - rank)].map((size, side) =>
      i < rank - (side === 0 ? a : b).length ? 1 : (size ?? 1),
    ) as [number, number];
    return x === 1 ? y : x;
  });
  const differentiable =
    !VALUE_ONLY.includes(name) || (a.join() === b.join() && a.length === 2 && (a[0] as number) < 10);
  const positive = Float32Array.from({ length: b.reduce((x, y) => x * y, 1) }, (_, i) => 0.5 + ((i * 37) % 11) / 7);
  return {
    name: `${name}: [${a.join()}] and [${b.join()}]`,
    inputs: [
      { shape: a, differentiable },
      { shape: b, values: positive, differentiable },
    ],
    op: ([x, y]) => op(x as Tensor, y as Tensor),
    reference: ([x, y]) => {
      const result = new Float64Array(shape.reduce((product, size) => product * size, 1));
      forEachIndex(shape, (indices, flat) => {
        result[flat] = reference(broadcastAt(x as Array64, indices), broadcastAt(y as Array64, indices));
      });
      return result;
    },
  };
}

const BINARY: readonly (readonly [string, Binary, (x: number, y: number) => number])[] = [
  ['add', add, (x, y) => x + y],
  ['sub', sub, (x, y) => x - y],
  ['mul', mul, (x, y) => x * y],
  ['div', div, (x, y) => x / y],
  ['maximum', maximum, Math.max],
  ['minimum', minimum, Math.min],
  ['squaredDifference', squaredDifference, (x, y) => (x - y) ** 2],
];

/** Pairs of shapes: equal, scalars on either side, rows, columns, middle axes, both sides repeated. */
const PAIRS: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[7, 9], [7, 9]], [[], [5]], [[33], []], [[6, 17], [17]], [[17], [6, 17]], [[6, 17], [6, 1]], [[3, 1, 9], [3, 5, 9]], [[2, 1, 3, 1], [1, 4, 1, 5]], [[8, 1], [1, 9]], [[2, 3, 4, 5, 2], [3, 1, 5, 1]], [[200, 197], [200, 197]],
]; // prettier-ignore

function unaryCase(name: string, op: (x: Tensor) => Tensor, reference: (x: number) => number): OpCase {
  return {
    name,
    inputs: [{ shape: [5, 41], values: Float32Array.from({ length: 205 }, (_, i) => 0.05 + i / 20) }],
    op: ([x]) => op(x as Tensor),
    reference: ([x]) => (x as Array64).data.map(reference),
  };
}

function reduceCase(
  name: string,
  {
    op,
    reference,
    shape,
    axes,
  }: {
    op: (x: Tensor, axes: number[]) => Tensor;
    reference: (values: number[]) => number;
    shape: readonly number[];
    axes: readonly number[];
  },
): OpCase {
  return {
    name: `${name}: [${shape.join()}] over ${axes.join()}`,
    inputs: [{ shape }],
    op: ([x]) => op(x as Tensor, [...axes]),
    reference: ([x]) => {
      const groups = new Map<string, number[]>();
      forEachIndex(shape, (indices, flat) => {
        const key = indices.filter((_, axis) => !axes.includes(axis)).join();
        const group = groups.get(key) ?? [];
        group.push((x as Array64).data[flat] as number);
        groups.set(key, group);
      });
      return Float64Array.from([...groups.values()], reference);
    },
  };
}

const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
const REDUCTIONS = [
  [[5, 7], [1]],
  [[5, 7], [0]],
  [[3, 70, 5], [1]],
  [
    [3, 4, 5],
    [0, 2],
  ],
  [
    [6, 5, 4],
    [0, 1, 2],
  ],
  [
    [2, 3, 4, 5],
    [1, 2],
  ],
  [[1, 5000], [1]],
  [[197, 33], [0]],
] as const;

interface Move {
  readonly shape: readonly number[];
  readonly target: readonly number[];
  readonly op: (x: Tensor) => Tensor;
  /** Where the element at these indices of the target comes from. */
  readonly source: (indices: readonly number[]) => readonly number[];
}

function moveCase(name: string, { shape, target, op, source }: Move): OpCase {
  return {
    name,
    inputs: [{ shape }],
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

function transposeCase(shape: readonly number[], perm: readonly number[]): OpCase {
  const target = perm.map((axis) => shape[axis] as number);
  const source = (indices: readonly number[]) => shape.map((_, axis) => indices[perm.indexOf(axis)] as number);
  return moveCase(`transpose: [${shape.join()}] by ${perm.join()}`, {
    shape,
    target,
    op: (x) => transpose(x, [...perm]),
    source,
  });
}

function sliceCase(shape: readonly number[], begin: readonly number[], target: readonly number[]): OpCase {
  const source = (indices: readonly number[]) => indices.map((index, axis) => index + (begin[axis] as number));
  return moveCase(`slice: [${shape.join()}] from ${begin.join()}`, {
    shape,
    target,
    op: (x) => slice(x, [...begin], [...target]),
    source,
  });
}

function concatCase(shape: readonly number[], axis: number, sizes: readonly number[]): OpCase {
  const parts = sizes.map((size) => ({ shape: shape.with(axis, size) }));
  return {
    name: `concat: [${shape.join()}], ${sizes.join(' and ')} along ${axis}`,
    inputs: parts,
    op: (tensors) => concat(tensors, axis),
    reference: (arrays) => {
      const whole = shape.with(axis, total([...sizes]));
      const y = new Float64Array(total(arrays.map(({ data }) => data.length)));
      forEachIndex(whole, (indices, flat) => {
        let at = indices[axis] as number;
        let part = 0;
        while (at >= (sizes[part] as number)) at -= sizes[part++] as number;
        y[flat] = broadcastAt(arrays[part] as Array64, indices.with(axis, at));
      });
      return y;
    },
    tolerance: 1e-6,
  };
}

function softmaxCase(shape: readonly number[]): OpCase {
  const size = shape.at(-1) ?? 1;
  return {
    name: `softmax: [${shape.join()}]`,
    inputs: [{ shape }],
    op: ([x]) => softmax(x as Tensor),
    reference: ([x]) => {
      const powers = (x as Array64).data.map(Math.exp);
      return powers.map((power, i) => {
        const row = i - (i % size);
        return power / powers.subarray(row, row + size).reduce((a, b) => a + b, 0);
      });
    },
  };
}

/** Kernels of tfjs that engines replace. */
export const tfjsCases: readonly OpCase[] = [
  ...BINARY.flatMap(([name, op, reference]) => PAIRS.map(([a, b]) => binaryCase(name, { op, reference, a, b }))),
  unaryCase('exp', exp, Math.exp),
  unaryCase('sqrt', sqrt, Math.sqrt),
  unaryCase('rsqrt', rsqrt, (x) => 1 / Math.sqrt(x)),
  unaryCase('square', square, (x) => x * x),
  unaryCase('neg', neg, (x) => -x),
  unaryCase('reciprocal', reciprocal, (x) => 1 / x),
  ...REDUCTIONS.flatMap(([shape, axes]) => [
    reduceCase('sum', { op: (x, over) => sum(x, over), reference: total, shape, axes }),
    reduceCase('mean', {
      op: (x, over) => mean(x, over),
      reference: (values) => total(values) / values.length,
      shape,
      axes,
    }),
    reduceCase('max', { op: (x, over) => max(x, over), reference: (values) => Math.max(...values), shape, axes }),
    reduceCase('min', { op: (x, over) => min(x, over), reference: (values) => Math.min(...values), shape, axes }),
  ]),
  transposeCase([5, 7], [1, 0]),
  transposeCase([3, 33, 18], [0, 2, 1]),
  transposeCase([2, 5, 3, 4], [0, 2, 1, 3]),
  transposeCase([2, 5, 3, 4], [3, 1, 0, 2]),
  transposeCase([4, 1, 6], [2, 1, 0]),
  sliceCase([9], [2], [5]),
  sliceCase([5, 7], [1, 2], [3, 4]),
  sliceCase([2, 4, 6, 3], [1, 0, 2, 1], [1, 4, 3, 2]),
  concatCase([5, 3], 0, [2, 1, 4]),
  concatCase([5, 3], 1, [3, 1, 17]),
  concatCase([2, 3, 4], 1, [3, 2]),
  softmaxCase([3, 1]),
  softmaxCase([5, 17]),
  softmaxCase([2, 3, 197]),
];
