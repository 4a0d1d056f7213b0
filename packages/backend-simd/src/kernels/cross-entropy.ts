import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { multiply } from '../engine/matrix-product.ts';
import { fillZeros, input, type KernelCall, type KernelTable, withInt32 } from './kernel.ts';

interface Attributes {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  readonly reduction: 'mean' | 'sum';
}

/** Floats per row of statistics: maximum, sum of exponentials, logit of the label, mean logit. */
const STATISTICS = 4;
/** Logits that the fused loss holds at once; up to this many are kept for the backward pass, more are computed again. */
const KEPT_LOGITS = 2 ** 20;
/** Rows below which a chunk's products would spend their time on packing the weight. */
const LEAST_ROWS = 256;

interface Rows {
  readonly logits: number;
  readonly rows: number;
  readonly classes: number;
  readonly labels: number;
  readonly statistics: number;
}

function runForward(
  { engine }: SimdBackend,
  { logits, rows, classes, labels, statistics }: Rows,
  ignoreIndex: number,
): void {
  engine.run('crossEntropy', [rows, classes, logits, labels, statistics, ignoreIndex], { work: rows * classes * 2 });
}

function runGradient(
  { engine }: SimdBackend,
  { logits, rows, classes, labels, statistics }: Rows,
  { ignoreIndex, labelSmoothing, target, dy }: Attributes & { target: number; dy: number },
): void {
  engine.run('crossEntropyGradient', [rows, classes, logits, labels, statistics, ignoreIndex, target], {
    floats: { 7: dy, 8: labelSmoothing },
    work: rows * classes * 2,
  });
}

/** The loss from the statistics of all rows, in float64, as a scalar tensor. */
function loss(
  backend: SimdBackend,
  { rows, classes, labels, statistics }: Rows,
  { ignoreIndex, labelSmoothing, reduction }: Attributes,
): TensorInfo {
  const { f32, i32 } = backend.engine.memory;
  let total = 0;
  let counted = 0;
  for (let row = 0; row < rows; row++) {
    const label = i32[labels / 4 + row] as number;
    if (label === ignoreIndex) continue;
    counted++;
    const at = statistics / 4 + row * STATISTICS;
    const logSum = (f32[at] as number) + Math.log(f32[at + 1] as number);
    const chosen = label >= 0 && label < classes ? (f32[at + 2] as number) - logSum : 0;
    total -= chosen * (1 - labelSmoothing) + ((f32[at + 3] as number) - logSum) * labelSmoothing;
  }
  return backend.makeTensorInfo(
    [],
    'float32',
    Float32Array.of(reduction === 'sum' ? total : total / Math.max(counted, 1)),
  );
}

/** The gradient of one row's loss. */
function rowGradient(
  backend: SimdBackend,
  dy: TensorInfo,
  { rows, labels }: { rows: number; labels: number },
  { ignoreIndex, reduction }: Attributes,
): number {
  const { f32, i32 } = backend.engine.memory;
  const outer = f32[backend.address(dy) / 4] as number;
  if (reduction === 'sum') return outer;
  let counted = 0;
  for (let row = 0; row < rows; row++) if (i32[labels / 4 + row] !== ignoreIndex) counted++;
  return outer / Math.max(counted, 1);
}

function crossEntropy({ backend, inputs, attributes }: KernelCall<Attributes>): TensorInfo {
  const logits = input({ inputs }, 'logits');
  const [rows = 0, classes = 0] = logits.shape;
  const statistics = backend.engine.allocate(rows * STATISTICS * 4);
  return withInt32(backend, input({ inputs }, 'labels'), (labels) => {
    const problem = { logits: backend.address(logits), rows, classes, labels, statistics };
    runForward(backend, problem, attributes.ignoreIndex);
    const y = loss(backend, problem, attributes);
    backend.attach(y, { statistics });
    return y;
  });
}

function crossEntropyGradient({ backend, inputs, attributes }: KernelCall<Attributes>): TensorInfo[] {
  const logits = input({ inputs }, 'logits');
  const [rows = 0, classes = 0] = logits.shape;
  const { statistics = 0 } = backend.side(input({ inputs }, 'y'));
  const gradient = backend.output(logits.shape);
  withInt32(backend, input({ inputs }, 'labels'), (labels) => {
    const dy = rowGradient(backend, input({ inputs }, 'dy'), { rows, labels }, attributes);
    runGradient(
      backend,
      { logits: backend.address(logits), rows, classes, labels, statistics },
      { ...attributes, target: backend.address(gradient), dy },
    );
  });
  return [gradient];
}

/** The fused projection: rows of x in chunks, so that only `chunk x classes` logits exist at a time. */
interface Projection {
  readonly x: number;
  readonly weight: number;
  readonly rows: number;
  readonly dim: number;
  readonly classes: number;
  readonly chunk: number;
}

function projection(backend: SimdBackend, inputs: KernelCall['inputs']): Projection {
  const x = input({ inputs }, 'x');
  const weight = input({ inputs }, 'weight');
  const [rows = 0, dim = 0] = x.shape;
  const classes = weight.shape[0] ?? 0;
  const chunk = Math.min(rows, Math.max(LEAST_ROWS, Math.floor(KEPT_LOGITS / Math.max(1, classes))));
  return { x: backend.address(x), weight: backend.address(weight), rows, dim, classes, chunk };
}

function project(
  { engine }: SimdBackend,
  { x, weight, dim, classes }: Projection,
  { from, count, logits }: { from: number; count: number; logits: number },
): void {
  const a = { address: x + from * dim * 4, stride: dim };
  multiply(engine, {
    rows: count,
    columns: classes,
    depth: dim,
    a,
    b: { address: weight, stride: dim, transposed: true },
    c: { address: logits, stride: classes },
  });
}

function linearCrossEntropy({ backend, inputs, attributes }: KernelCall<Attributes>): TensorInfo {
  const { engine } = backend;
  const problem = projection(backend, inputs);
  const { rows, classes, chunk } = problem;
  const statistics = engine.allocate(rows * STATISTICS * 4);
  const logits = engine.allocate(chunk * classes * 4);
  return withInt32(backend, input({ inputs }, 'labels'), (labels) => {
    for (let from = 0; from < rows; from += chunk) {
      const count = Math.min(chunk, rows - from);
      project(backend, problem, { from, count, logits });
      runForward(
        backend,
        { logits, rows: count, classes, labels: labels + from * 4, statistics: statistics + from * STATISTICS * 4 },
        attributes.ignoreIndex,
      );
    }
    const y = loss(backend, { logits, rows, classes, labels, statistics }, attributes);
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
}: KernelCall<Attributes & { wanted: readonly string[] }>): TensorInfo[] {
  const { engine } = backend;
  const problem = projection(backend, inputs);
  const { x, weight, rows, dim, classes, chunk } = problem;
  const { statistics = 0, logits: kept = 0 } = backend.side(input({ inputs }, 'y'));
  const { wanted } = attributes;
  const dx = wanted.includes('x') ? backend.output([rows, dim]) : undefined;
  const dWeight = wanted.includes('weight') ? backend.output([classes, dim]) : undefined;
  if (rows === 0 && dWeight) fillZeros(backend, dWeight);
  const logits = kept || engine.allocate(chunk * classes * 4);
  const gradients = engine.allocate(chunk * classes * 4); // kept logits stay as they are: the gradient may be asked for again
  withInt32(backend, input({ inputs }, 'labels'), (labels) => {
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
      runGradient(backend, part, { ...attributes, target: gradients, dy });
      const a = { address: gradients, stride: classes };
      if (dx) {
        const c = { address: backend.address(dx) + from * dim * 4, stride: dim };
        multiply(engine, { rows: count, columns: dim, depth: classes, a, b: { address: weight, stride: dim }, c });
      }
      if (dWeight) {
        const b = { address: x + from * dim * 4, stride: dim };
        const c = { address: backend.address(dWeight), stride: dim };
        multiply(engine, {
          rows: classes,
          columns: dim,
          depth: count,
          a: { ...a, transposed: true },
          b,
          c,
          accumulate: from > 0,
        });
      }
    }
  });
  engine.free(gradients);
  if (!kept) engine.free(logits);
  return wanted.map((name) => (name === 'x' ? dx : dWeight) as TensorInfo);
}

/** Kernels of `crossEntropy` and `linearCrossEntropy` in @formers/backend. */
export const crossEntropyKernels: KernelTable = {
  FormersCrossEntropy: crossEntropy,
  FormersCrossEntropyGradient: crossEntropyGradient,
  FormersLinearCrossEntropy: linearCrossEntropy,
  FormersLinearCrossEntropyGradient: linearCrossEntropyGradient,
};
