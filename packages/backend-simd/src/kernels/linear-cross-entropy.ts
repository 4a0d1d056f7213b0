import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { multiply } from '../engine/matrix-product.ts';
import {
  type CrossEntropyAttributes,
  lossOf,
  rowGradient,
  runCrossEntropy,
  runCrossEntropyGradient,
  STATISTICS,
} from './cross-entropy.ts';
import { fillZeros, input, type KernelCall, type KernelTable, withInt32 } from './kernel.ts';

/** Logits that the fused loss holds at once; up to this many are kept for the backward pass, more are computed again. */
const KEPT_LOGITS = 2 ** 20;
/** Rows below which a chunk's products would spend their time on packing the weight. */
const LEAST_ROWS = 256;

/** The rows of x that count, in chunks, so that only `chunk x classes` logits exist at a time. */
interface Projection {
  readonly x: number;
  readonly weight: number;
  /** 0 = none. */
  readonly bias: number;
  readonly labels: number;
  readonly rows: number;
  readonly dim: number;
  readonly classes: number;
  readonly chunk: number;
  /** Which row of the whole x each is; undefined where all of them count. */
  readonly places: Int32Array | undefined;
}

/** Runs `f` on the rows whose label counts: in masked language models, one in seven. */
function withProjection<T>(
  backend: SimdBackend,
  { inputs, ignoreIndex }: { inputs: KernelCall['inputs']; ignoreIndex: number },
  f: (problem: Projection) => T,
): T {
  const { engine } = backend;
  const x = input({ inputs }, 'x');
  const weight = input({ inputs }, 'weight');
  const { bias } = inputs;
  const [all = 0, dim = 0] = x.shape;
  const classes = weight.shape[0] ?? 0;
  return withInt32(backend, input({ inputs }, 'labels'), (labels) => {
    const { i32 } = engine.memory;
    const counting = new Int32Array(all);
    let rows = 0;
    for (let row = 0; row < all; row++) if (i32[labels / 4 + row] !== ignoreIndex) counting[rows++] = row;
    const problem = {
      x: backend.address(x),
      weight: backend.address(weight),
      bias: bias ? backend.address(bias) : 0,
      labels,
      rows,
      dim,
      classes,
      chunk: Math.min(rows, Math.max(LEAST_ROWS, Math.floor(KEPT_LOGITS / Math.max(1, classes)))),
      places: undefined,
    };
    if (rows === all) return f(problem);
    const places = counting.subarray(0, rows);
    const gathered = engine.allocate(rows * (dim + 1) * 4);
    const gatheredLabels = gathered + rows * dim * 4;
    const { f32, i32: integers } = engine.memory;
    places.forEach((place, row) => {
      const from = problem.x / 4 + place * dim;
      f32.copyWithin(gathered / 4 + row * dim, from, from + dim);
      integers[gatheredLabels / 4 + row] = integers[labels / 4 + place] as number;
    });
    const result = f({ ...problem, x: gathered, labels: gatheredLabels, places });
    engine.free(gathered);
    return result;
  });
}

function project(
  { engine }: SimdBackend,
  { x, weight, bias, dim, classes }: Projection,
  { from, count, logits }: { from: number; count: number; logits: number },
): void {
  multiply(engine, {
    rows: count,
    columns: classes,
    depth: dim,
    a: { address: x + from * dim * 4, stride: dim },
    b: { address: weight, stride: dim, transposed: true },
    c: { address: logits, stride: classes },
    bias,
  });
}

function linearCrossEntropy({ backend, inputs, attributes }: KernelCall<CrossEntropyAttributes>): TensorInfo {
  const { engine } = backend;
  const { ignoreIndex } = attributes;
  return withProjection(backend, { inputs, ignoreIndex }, (problem) => {
    const { rows, classes, chunk, labels } = problem;
    const statistics = engine.allocate(rows * STATISTICS * 4);
    const logits = engine.allocate(chunk * classes * 4);
    for (let from = 0; from < rows; from += chunk) {
      const count = Math.min(chunk, rows - from);
      project(backend, problem, { from, count, logits });
      runCrossEntropy(
        backend,
        { logits, rows: count, classes, labels: labels + from * 4, statistics: statistics + from * STATISTICS * 4 },
        ignoreIndex,
      );
    }
    const y = lossOf(backend, { logits, rows, classes, labels, statistics }, attributes);
    const kept = chunk === rows;
    if (!kept) engine.free(logits);
    backend.attach(y, { statistics, logits: kept ? logits : 0 });
    return y;
  });
}

function linearCrossEntropyGradient({
  backend,
  inputs,
  attributes,
}: KernelCall<CrossEntropyAttributes & { wanted: readonly string[] }>): TensorInfo[] {
  const { engine } = backend;
  const { wanted, ignoreIndex } = attributes;
  const { statistics = 0, logits: kept = 0 } = backend.side(input({ inputs }, 'y'));
  const gradients = new Map(wanted.map((name) => [name, backend.output(input({ inputs }, name).shape)]));
  const [dx, dWeight, dBias] = ['x', 'weight', 'bias'].map((name) => {
    const tensor = gradients.get(name);
    return tensor ? backend.address(tensor) : 0;
  }) as [number, number, number];
  withProjection(backend, { inputs, ignoreIndex }, (problem) => {
    const { x, weight, labels, rows, dim, classes, chunk, places } = problem;
    if (rows === 0) for (const tensor of gradients.values()) fillZeros(backend, tensor);
    if (rows === 0) return;
    const logits = kept || engine.allocate(chunk * classes * 4);
    const dLogits = engine.allocate(chunk * classes * 4); // kept logits stay as they are: the gradient may be asked for again
    const dRows = dx && places ? engine.allocate(rows * dim * 4) : dx;
    const dy = rowGradient(backend, input({ inputs }, 'dy'), { rows, labels }, attributes);
    for (let from = 0; from < rows; from += chunk) {
      const count = Math.min(chunk, rows - from);
      if (!kept) project(backend, problem, { from, count, logits });
      const part = {
        logits,
        rows: count,
        classes,
        labels: labels + from * 4,
        statistics: statistics + from * STATISTICS * 4,
      };
      runCrossEntropyGradient(backend, part, { ...attributes, target: dLogits, dy });
      const a = { address: dLogits, stride: classes };
      if (dx) {
        const c = { address: dRows + from * dim * 4, stride: dim };
        multiply(engine, { rows: count, columns: dim, depth: classes, a, b: { address: weight, stride: dim }, c });
      }
      if (dWeight) {
        multiply(engine, {
          rows: classes,
          columns: dim,
          depth: count,
          a: { ...a, transposed: true },
          b: { address: x + from * dim * 4, stride: dim },
          c: { address: dWeight, stride: dim },
          accumulate: from > 0,
          sums: dBias,
        });
      } else if (dBias)
        addColumnSums(backend, dBias, { address: dLogits, rows: count, columns: classes, isFirst: from === 0 });
    }
    engine.free(dLogits);
    if (!kept) engine.free(logits);
    if (dx && places) {
      spread(backend, { source: dRows, target: dx, dim, places }, input({ inputs }, 'x').shape[0] ?? 0);
      engine.free(dRows);
    }
  });
  return wanted.map((name) => gradients.get(name) as TensorInfo);
}

/** Rows to their places, zeros elsewhere. */
function spread(
  { engine }: SimdBackend,
  { source, target, dim, places }: { source: number; target: number; dim: number; places: Int32Array },
  rows: number,
): void {
  const { f32 } = engine.memory;
  f32.fill(0, target / 4, target / 4 + rows * dim);
  places.forEach((place, row) => {
    const from = source / 4 + row * dim;
    f32.copyWithin(target / 4 + place * dim, from, from + dim);
  });
}

/** Adds sums over the rows of a matrix to those of earlier chunks. */
function addColumnSums(
  { engine }: SimdBackend,
  target: number,
  { address, rows, columns, isFirst }: { address: number; rows: number; columns: number; isFirst: boolean },
): void {
  const sums = isFirst ? target : engine.allocate(columns * 4);
  engine.run('reduceColumns', [0, 1, rows, columns, address, sums], { floats: { 6: 1 }, work: rows * columns });
  if (isFirst) return;
  const { f32 } = engine.memory;
  for (let column = 0; column < columns; column++)
    f32[target / 4 + column] = (f32[target / 4 + column] as number) + (f32[sums / 4 + column] as number);
  engine.free(sums);
}

/** Kernels of `linearCrossEntropy` in @formers/backend. */
export const linearCrossEntropyKernels: KernelTable = {
  FormersLinearCrossEntropy: linearCrossEntropy,
  FormersLinearCrossEntropyGradient: linearCrossEntropyGradient,
};
