import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import { type CrossEntropyAttributes, type LogitRows, runLoss, runRowGradients, runRows } from './cross-entropy.ts';
import { input, type KernelCall, type KernelTable, zeros } from './kernel.ts';
import { addColumnSums } from './product/column-sums.ts';
import { multiply } from './product/product.ts';

/** Rows of a chunk are multiples of this, so that they fill the largest tile. */
const ROWS_OF_TILE = 128;

interface Projection {
  readonly x: TensorInfo;
  readonly weight: TensorInfo;
  readonly bias: TensorInfo | undefined;
  readonly labels: TensorInfo;
  readonly rows: number;
  readonly dim: number;
  readonly classes: number;
  readonly chunk: number;
}

/** Up to `backend.mostLogits` logits exist at a time; if they are all, they are kept for the backward pass, else they are computed again there. */
function projectionOf({ backend, inputs }: Pick<KernelCall, 'backend' | 'inputs'>): Projection {
  const [x, weight, labels] = ['x', 'weight', 'labels'].map((name) => input({ inputs }, name)) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ];
  const [rows = 0, dim = 0] = x.shape;
  const classes = weight.shape[0] ?? 0;
  const most = Math.floor(backend.mostLogits / Math.max(1, classes));
  const chunk = rows <= most ? rows : Math.max(ROWS_OF_TILE, most - (most % ROWS_OF_TILE));
  return {
    x,
    weight,
    bias: inputs['bias'],
    labels,
    rows,
    dim,
    classes,
    chunk,
  };
}

/** Calls `f` for the rows of each chunk. */
function forChunks({ rows, chunk }: Projection, f: (part: { first: number; count: number }) => void): void {
  for (let first = 0; first < rows; first += chunk) f({ first, count: Math.min(chunk, rows - first) });
}

/** The logits of some rows. */
function project(
  backend: FormersWebGPUBackend,
  { x, weight, bias, dim, classes }: Projection,
  { first, count, logits }: { first: number; count: number; logits: TensorInfo },
): void {
  multiply(backend, {
    ...{ rows: count, columns: classes, depth: dim, bias },
    ...{ a: { tensor: x, first: first * dim }, b: { tensor: weight, transposed: true }, c: { tensor: logits } },
  });
}

const isEmpty = ({ rows, dim, classes }: Projection): boolean => rows === 0 || dim === 0 || classes === 0;

function linearCrossEntropy({ backend, inputs, attributes }: KernelCall<CrossEntropyAttributes>): TensorInfo {
  const problem = projectionOf({ backend, inputs });
  const { rows, classes, chunk, labels } = problem;
  if (isEmpty(problem)) return zeros(backend, []);
  const [logSums, losses] = [backend.output([rows]), backend.output([rows])];
  const logits = backend.output([chunk, classes]);
  forChunks(problem, ({ first, count }) => {
    project(backend, problem, { first, count, logits });
    runRows(backend, { logits, rows: count, classes, labels, first, logSums }, { losses, attributes });
  });
  const { loss, scale } = runLoss(backend, { labels, losses }, attributes);
  backend.disposeData(losses.dataId);
  const isKept = chunk === rows;
  if (!isKept) backend.disposeData(logits.dataId);
  backend.attach(loss, { logSums, scale, ...(isKept && { logits }) });
  return loss;
}

function linearCrossEntropyGradient({
  backend,
  inputs,
  attributes,
}: KernelCall<CrossEntropyAttributes & { wanted: readonly string[] }>): TensorInfo[] {
  const problem = projectionOf({ backend, inputs });
  const { x, weight, labels, dim, classes, chunk } = problem;
  const { wanted } = attributes;
  if (isEmpty(problem)) return wanted.map((name) => zeros(backend, input({ inputs }, name).shape));
  const gradients = new Map(wanted.map((name) => [name, backend.output(input({ inputs }, name).shape)]));
  const [dx, dWeight, dBias] = ['x', 'weight', 'bias'].map((name) => gradients.get(name));
  const side = backend.side(input({ inputs }, 'y'));
  const { logSums, scale } = side as Record<'logSums' | 'scale', TensorInfo>;
  const { logits: kept } = side;
  const dLogits = backend.output([chunk, classes]);
  forChunks(problem, ({ first, count }) => {
    // Kept logits stay as they are: the gradient may be asked for again.
    if (!kept) project(backend, problem, { first, count, logits: dLogits });
    const part: LogitRows = { logits: kept ?? dLogits, rows: count, classes, labels, first, logSums };
    runRowGradients(backend, part, { gradient: dLogits, dy: input({ inputs }, 'dy'), scale, attributes });
    if (dx)
      multiply(backend, {
        ...{ rows: count, columns: dim, depth: classes, a: { tensor: dLogits } },
        ...{ b: { tensor: weight }, c: { tensor: dx, first: first * dim } },
      });
    const accumulate = first > 0;
    if (dWeight)
      multiply(backend, {
        ...{ rows: classes, columns: dim, depth: count, a: { tensor: dLogits, transposed: true } },
        ...{ b: { tensor: x, first: first * dim }, c: { tensor: dWeight }, sums: dBias, accumulate },
      });
    else if (dBias) addColumnSums(backend, dBias, { tensor: dLogits, rows: count, accumulate });
  });
  backend.disposeData(dLogits.dataId);
  return wanted.map((name) => gradients.get(name) as TensorInfo);
}

/** Kernels of `linearCrossEntropy` in @formers/backend. */
export const linearCrossEntropyKernels: KernelTable = {
  FormersLinearCrossEntropy: linearCrossEntropy,
  FormersLinearCrossEntropyGradient: linearCrossEntropyGradient,
};
