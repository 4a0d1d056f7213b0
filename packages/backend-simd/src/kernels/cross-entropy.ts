import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { input, type KernelCall, type KernelTable, withInt32 } from './kernel.ts';

/** What the losses are told. */
export interface CrossEntropyAttributes {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  readonly reduction: 'mean' | 'sum';
}

/** Floats per row of statistics: maximum, sum of exponentials, logit of the label, mean logit. */
export const STATISTICS = 4;

/** Logits with labels and room for statistics, by their addresses. */
interface Rows {
  readonly logits: number;
  readonly rows: number;
  readonly classes: number;
  readonly labels: number;
  readonly statistics: number;
}

/** Fills in the statistics. */
export function runCrossEntropy(
  { engine }: SimdBackend,
  { logits, rows, classes, labels, statistics }: Rows,
  ignoreIndex: number,
): void {
  engine.run('crossEntropy', [rows, classes, logits, labels, statistics, ignoreIndex], { work: rows * classes * 2 });
}

/** Writes the gradient of the logits to `target`; `dy` is that of one row's loss. */
export function runCrossEntropyGradient(
  { engine }: SimdBackend,
  { logits, rows, classes, labels, statistics }: Rows,
  { ignoreIndex, labelSmoothing, target, dy }: CrossEntropyAttributes & { target: number; dy: number },
): void {
  engine.run('crossEntropyGradient', [rows, classes, logits, labels, statistics, ignoreIndex, target], {
    floats: { 7: dy, 8: labelSmoothing },
    work: rows * classes * 2,
  });
}

/** The loss from the statistics of all rows, in float64, as a scalar tensor. */
export function lossOf(
  backend: SimdBackend,
  { rows, classes, labels, statistics }: Rows,
  { ignoreIndex, labelSmoothing, reduction }: CrossEntropyAttributes,
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
export function rowGradient(
  backend: SimdBackend,
  dy: TensorInfo,
  { rows, labels }: { rows: number; labels: number },
  { ignoreIndex, reduction }: CrossEntropyAttributes,
): number {
  const { f32, i32 } = backend.engine.memory;
  const outer = f32[backend.address(dy) / 4] as number;
  if (reduction === 'sum') return outer;
  let counted = 0;
  for (let row = 0; row < rows; row++) if (i32[labels / 4 + row] !== ignoreIndex) counted++;
  return outer / Math.max(counted, 1);
}

function crossEntropy({ backend, inputs, attributes }: KernelCall<CrossEntropyAttributes>): TensorInfo {
  const logits = input({ inputs }, 'logits');
  const [rows = 0, classes = 0] = logits.shape;
  const statistics = backend.engine.allocate(rows * STATISTICS * 4);
  return withInt32(backend, input({ inputs }, 'labels'), (labels) => {
    const problem = { logits: backend.address(logits), rows, classes, labels, statistics };
    runCrossEntropy(backend, problem, attributes.ignoreIndex);
    const y = lossOf(backend, problem, attributes);
    backend.attach(y, { statistics });
    return y;
  });
}

function crossEntropyGradient({ backend, inputs, attributes }: KernelCall<CrossEntropyAttributes>): TensorInfo[] {
  const logits = input({ inputs }, 'logits');
  const [rows = 0, classes = 0] = logits.shape;
  const { statistics = 0 } = backend.side(input({ inputs }, 'y'));
  const gradient = backend.output(logits.shape);
  withInt32(backend, input({ inputs }, 'labels'), (labels) => {
    const dy = rowGradient(backend, input({ inputs }, 'dy'), { rows, labels }, attributes);
    runCrossEntropyGradient(
      backend,
      { logits: backend.address(logits), rows, classes, labels, statistics },
      { ...attributes, target: backend.address(gradient), dy },
    );
  });
  return [gradient];
}

/** Kernels of `crossEntropy` in @formers/backend. */
export const crossEntropyKernels: KernelTable = {
  FormersCrossEntropy: crossEntropy,
  FormersCrossEntropyGradient: crossEntropyGradient,
};
