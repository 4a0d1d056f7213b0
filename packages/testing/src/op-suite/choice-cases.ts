import {
  all,
  any,
  argMax,
  argMin,
  cast,
  cumprod,
  cumsum,
  equal,
  greater,
  greaterEqual,
  isFinite,
  isInf,
  isNaN,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  notEqual,
  oneHot,
  prod,
  type Tensor,
  type Tensor1D,
  topk,
  where,
} from '@tensorflow/tfjs-core';

import { type Array64, broadcastAt, forEachIndex } from './array64.ts';
import type { OpCase } from './op-case.ts';

type Pair = (x: Tensor, y: Tensor) => Tensor;
type Shapes = readonly [readonly number[], readonly number[]];

const sizeOf = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);
/** Small whole numbers, many of them equal. */
const steps = (shape: readonly number[], seed: number) =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7 + seed * 3) % 5) - 2);

function pairCase(
  name: string,
  {
    op,
    reference,
    shapes: [a, b],
    dtype,
  }: { op: Pair; reference: (x: number, y: number) => unknown; shapes: Shapes; dtype: 'float32' | 'int32' | 'bool' },
): OpCase {
  const rank = Math.max(a.length, b.length);
  const shape = Array.from({ length: rank }, (_, i) => Math.max(a.at(i - rank) ?? 1, b.at(i - rank) ?? 1));
  const values = [a, b].map((side, i) => steps(side, i).map((value) => (dtype === 'bool' ? Number(value > 0) : value)));
  return {
    name: `${name}: ${dtype} [${a.join()}] and [${b.join()}]`,
    inputs: [a, b].map((side, i) => ({ shape: side, dtype, values: values[i] as Float32Array, differentiable: false })),
    op: ([x, y]) => cast(op(x as Tensor, y as Tensor), 'float32'),
    reference: ([x, y]) => {
      const result = new Float64Array(sizeOf(shape));
      forEachIndex(shape, (indices, flat) => {
        result[flat] = Number(reference(broadcastAt(x as Array64, indices), broadcastAt(y as Array64, indices)));
      });
      return result;
    },
    tolerance: 1e-7,
  };
}

const COMPARISONS: readonly (readonly [string, Pair, (x: number, y: number) => boolean])[] = [
  ['equal', equal, (x, y) => x === y],
  ['notEqual', notEqual, (x, y) => x !== y],
  ['less', less, (x, y) => x < y],
  ['lessEqual', lessEqual, (x, y) => x <= y],
  ['greater', greater, (x, y) => x > y],
  ['greaterEqual', greaterEqual, (x, y) => x >= y],
];
const LOGIC: readonly (readonly [string, Pair, (x: number, y: number) => boolean])[] = [
  ['logicalAnd', logicalAnd, (x, y) => x === 1 && y === 1],
  ['logicalOr', logicalOr, (x, y) => x === 1 || y === 1],
  ['logicalAnd of not', (x, y) => logicalAnd(logicalNot(x), y), (x, y) => x === 0 && y === 1],
];
const PAIRS: readonly Shapes[] = [
  [[7, 9], [7, 9]], [[33], []], [[], [15]], [[6, 17], [17]], [[5, 1, 3, 1], [1, 4, 1, 16]], [[197, 197], [1, 197]],
]; // prettier-ignore

/** A case of one tensor whose numbers have no gradient. */
function valueCase(
  name: string,
  {
    shape,
    op,
    reference,
    values = steps(shape, 1),
  }: {
    shape: readonly number[];
    op: (x: Tensor) => Tensor;
    reference: (x: Float64Array) => ArrayLike<number>;
    values?: Float32Array;
  },
): OpCase {
  return {
    name: `${name}: [${shape.join()}]`,
    inputs: [{ shape, values, differentiable: false }],
    op: ([x]) => cast(op(x as Tensor), 'float32'),
    reference: ([x]) => Float64Array.from(reference((x as Array64).data)),
    tolerance: 1e-6,
  };
}

/** Calls `f` with the values along an axis, for each place beside it. */
function along(
  shape: readonly number[],
  axis: number,
  f: (values: number[], places: number[]) => void,
): (data: Float64Array) => void {
  return (data) => {
    const inner = sizeOf(shape.slice(axis + 1));
    const size = shape[axis] as number;
    for (let place = 0; place < data.length; place++) {
      if (Math.floor(place / inner) % size !== 0) continue;
      const places = Array.from({ length: size }, (_, i) => place + i * inner);
      f(
        places.map((at) => data[at] as number),
        places,
      );
    }
  };
}

/** One number per place beside an axis. */
function reduced(
  shape: readonly number[],
  axis: number,
  f: (values: number[]) => number,
): (data: Float64Array) => number[] {
  return (data) => {
    const results: number[] = [];
    along(shape, axis, (values) => results.push(f(values)))(data);
    return results;
  };
}

const SHAPES: readonly (readonly [shape: readonly number[], axis: number])[] = [
  [[9], 0],
  [[5, 33], 1],
  [[5, 33], 0],
  [[2, 7, 3], 1],
  [[3, 197], 1],
];

function cumulativeCase(
  name: string,
  {
    op,
    f,
    start,
    shape,
    axis,
    exclusive,
    backwards,
  }: {
    op: (x: Tensor, axis: number, exclusive: boolean, reverse: boolean) => Tensor;
    f: (sum: number, value: number) => number;
    start: number;
    shape: readonly number[];
    axis: number;
    exclusive: boolean;
    backwards: boolean;
  },
): OpCase {
  return {
    name: `${name}: [${shape.join()}] along ${axis}${exclusive ? ', exclusive' : ''}${backwards ? ', from the end' : ''}`,
    // tfjs-core gives the gradient along any axis but the last in the wrong order.
    inputs: [{ shape, differentiable: name === 'cumsum' && axis === shape.length - 1 }],
    op: ([x]) => op(x as Tensor, axis, exclusive, backwards),
    reference: ([x]) => {
      const y = new Float64Array(sizeOf(shape));
      along(shape, axis, (values, places) => {
        let sum = start;
        for (const i of backwards ? places.keys().toArray().toReversed() : places.keys()) {
          const next = f(sum, values[i] as number);
          y[places[i] as number] = exclusive ? sum : next;
          sum = next;
        }
      })((x as Array64).data);
      return y;
    },
  };
}

const odd = Float32Array.of(
  0,
  -0,
  1,
  -2.5,
  Infinity,
  -Infinity,
  Number.NaN,
  3e38,
  1e-42,
  7,
  8,
  9,
  10,
  Number.NaN,
  12,
  13,
  Infinity,
);

/** Comparisons, logic, extremes by place, running sums. */
export const choiceCases: readonly OpCase[] = [
  ...PAIRS.flatMap((shapes) => [
    ...(['float32', 'int32'] as const).flatMap((dtype) =>
      COMPARISONS.map(([name, op, reference]) => pairCase(name, { op, reference, shapes, dtype })),
    ),
    ...LOGIC.map(([name, op, reference]) => pairCase(name, { op, reference, shapes, dtype: 'bool' })),
  ]),
  valueCase('isNaN', {
    shape: [17],
    values: odd,
    op: isNaN,
    reference: (x) => x.map((value) => Number(Number.isNaN(value))),
  }),
  valueCase('isFinite', {
    shape: [17],
    values: odd,
    op: isFinite,
    reference: (x) => x.map((value) => Number(Number.isFinite(value))),
  }),
  valueCase('isInf', {
    shape: [17],
    values: odd,
    op: isInf,
    reference: (x) => x.map((value) => Number(Math.abs(value) === Infinity)),
  }),
  ...SHAPES.flatMap(([shape, axis]) => [
    valueCase(`argMax along ${axis}`, {
      shape,
      op: (x) => argMax(x, axis),
      reference: reduced(shape, axis, (values) => values.indexOf(Math.max(...values))),
    }),
    valueCase(`argMin along ${axis}`, {
      shape,
      op: (x) => argMin(x, axis),
      reference: reduced(shape, axis, (values) => values.indexOf(Math.min(...values))),
    }),
    valueCase(`all along ${axis}`, {
      shape,
      op: (x) => all(greater(x, -2), axis),
      reference: reduced(shape, axis, (values) => Number(values.every((value) => value > -2))),
    }),
    valueCase(`any along ${axis}`, {
      shape,
      op: (x) => any(greater(x, 1), axis),
      reference: reduced(shape, axis, (values) => Number(values.some((value) => value > 1))),
    }),
    valueCase(`prod along ${axis}`, {
      ...{ shape, values: Float32Array.from({ length: sizeOf(shape) }, (_, i) => 1 + Math.sin(i) / 9) },
      op: (x) => prod(x, axis),
      reference: reduced(shape, axis, (values) => values.reduce((product, value) => product * value, 1)),
    }),
    ...[false, true].flatMap((exclusive) =>
      [false, true].flatMap((backwards) => [
        cumulativeCase('cumsum', {
          op: cumsum,
          f: (sum, value) => sum + value,
          start: 0,
          shape,
          axis,
          exclusive,
          backwards,
        }),
        cumulativeCase('cumprod', {
          op: cumprod,
          f: (product, value) => product * value,
          start: 1,
          shape,
          axis,
          exclusive,
          backwards,
        }),
      ]),
    ),
  ]),
  ...[1, 3, 33].flatMap((k) => [
    valueCase(`topk ${k}, values`, {
      shape: [5, 33],
      op: (x) => topk(x, k).values,
      reference: (x) => topOf(x, k).map(({ value }) => value),
    }),
    valueCase(`topk ${k}, places`, {
      shape: [5, 33],
      op: (x) => topk(x, k).indices,
      reference: (x) => topOf(x, k).map(({ i }) => i),
    }),
  ]),
  {
    name: 'oneHot',
    inputs: [{ shape: [6], dtype: 'int32', values: [0, 4, -1, 2, 5, 3] }],
    op: ([ids]) => oneHot(ids as Tensor1D, 5, 2, -3, 'float32'),
    reference: ([ids]) =>
      Float64Array.from({ length: 30 }, (_, i) => ((ids as Array64).data[Math.floor(i / 5)] === i % 5 ? 2 : -3)),
  },
  {
    name: 'where',
    inputs: [
      { shape: [9, 7], dtype: 'bool', values: steps([9, 7], 0).map((value) => Number(value > 0)) },
      { shape: [9, 7] },
      { shape: [9, 7] },
    ],
    op: ([condition, x, y]) => where(condition as Tensor, x as Tensor, y as Tensor),
    reference: ([condition, x, y]) =>
      (x as Array64).data.map((value, i) =>
        (condition as Array64).data[i] ? value : ((y as Array64).data[i] as number),
      ),
  },
];

/** Of rows of 33 numbers the largest, the earlier of equal ones first. */
function topOf(x: Float64Array, k: number): { value: number; i: number }[] {
  return Array.from({ length: 5 }, (_, row) =>
    Array.from(x.subarray(row * 33, (row + 1) * 33), (value, i) => ({ value, i }))
      .toSorted((a, b) => b.value - a.value)
      .slice(0, k),
  ).flat();
}
