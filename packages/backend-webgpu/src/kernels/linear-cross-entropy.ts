import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import { type CountedRows, findCountedRows } from './counted-rows.ts';
import { runElementwise } from './elementwise.ts';
import {
  entry,
  input,
  type KernelCall,
  type KernelTable,
  spread,
  WORKGROUP,
  WORKGROUP_INDEX,
  zeros,
} from './kernel.ts';
import { addColumnSums } from './product/column-sums.ts';
import { multiply } from './product/product.ts';
import { type CrossEntropyAttributes, logSumCode, lossCode, POWER, SHARED, SLOPE, TREE } from './row-loss-code.ts';

/** Rows of a chunk are multiples of this, so that they fill the largest tile. */
const ROWS_OF_TILE = 128;

/** Rows of logits that exist at a time, in as few chunks of about the same size as `backend.mostLogits` and the device allow. */
function chunkOf(backend: FormersWebGPUBackend, { rows, classes }: { rows: number; classes: number }): number {
  const most = Math.min(backend.mostLogits, backend.device.limits.maxStorageBufferBindingSize / 4) / classes;
  if (rows <= most) return rows;
  const whole = Math.max(1, Math.floor(most / ROWS_OF_TILE));
  const chunks = Math.ceil(rows / (whole * ROWS_OF_TILE));
  return Math.ceil(rows / chunks / ROWS_OF_TILE) * ROWS_OF_TILE;
}

/** The gradients that are made with the loss. */
type Made = Readonly<Record<'x' | 'weight' | 'bias', TensorInfo | undefined>>;

/** Loss and, where gradients are made, the slopes of a row in the place of its logits; a workgroup per row. The thread that replaces the label's logit reads it before. */
const rowCode = (isSmoothed: boolean, { isMean, slopes }: { isMean: boolean; slopes: boolean }): string => `
${SHARED}
${POWER}
${slopes ? SLOPE : ''}
${entry()}
  let row = ${WORKGROUP_INDEX};
  if (row >= u.rows || i32(u.before + row) >= counted[0]) { return; }
  let start = row * u.classes;
  ${logSumCode(isSmoothed)}
  let label = labels[u.before + row];
  let isLabel = label >= 0 && u32(label) < u.classes;
  if (lane == select(0u, u32(label) % ${WORKGROUP}u, isLabel)) {
    ${lossCode(isSmoothed)}
    losses[u.before + row] = loss;
  }
  ${
    slopes
      ? `let scale = ${isMean ? '1.0 / f32(counted[0])' : '1.0'};
  for (var i = lane; i < u.classes; i += ${WORKGROUP}u) { logits[start + i] = slope(logits[start + i], i, label, logSum) * scale; }`
      : ''
  }
}`;

const sumCode = (isMean: boolean): string => `
${SHARED}
${entry()}
  var total = 0.0;
  for (var i = i32(lane); i < counted[0]; i += ${WORKGROUP}) { total += losses[i]; }
  shared0[lane] = total;
  shared1[lane] = 0.0;
  ${TREE}
  if (lane == 0u) { loss[0] = shared0[0]${isMean ? ' / f32(max(counted[0], 1))' : ''}; }
}`;

interface Problem {
  readonly rows: CountedRows;
  readonly weight: TensorInfo;
  readonly bias: TensorInfo | undefined;
  readonly made: Made;
}

/** Losses of all rows that count, chunk by chunk, and what they contribute to the gradients. */
function runChunks(
  backend: FormersWebGPUBackend,
  { rows: { counted, x, labels }, weight, bias, made }: Problem,
  { labelSmoothing, reduction }: CrossEntropyAttributes,
): TensorInfo {
  const [all = 0, dim = 0] = x.shape;
  const classes = weight.shape[0] ?? 0;
  const chunk = chunkOf(backend, { rows: all, classes });
  const [logits, losses] = [backend.output([chunk, classes]), backend.output([all])];
  const [isSmoothed, isMean] = [labelSmoothing > 0, reduction === 'mean'];
  const slopes = Object.values(made).some(Boolean);
  for (let before = 0; before < all; before += chunk) {
    const rows = Math.min(chunk, all - before);
    const own = { tensor: x, first: before * dim };
    multiply(backend, {
      ...{ rows, columns: classes, depth: dim, bias, a: own, b: { tensor: weight, transposed: true } },
      ...{ c: { tensor: logits }, extent: { counted, before, axis: 'rows' } },
    });
    backend.run({
      key: `linearCrossEntropy rows${isSmoothed ? ' smoothed' : ''}${slopes ? ` slopes ${reduction}` : ''}`,
      code: () => rowCode(isSmoothed, { isMean, slopes }),
      ...{ reads: { labels, counted }, writes: { logits, losses } },
      counts: { rows, classes, before },
      numbers: { smoothing: labelSmoothing },
      workgroups: spread(rows),
    });
    const dLogits = { tensor: logits };
    if (made.x)
      multiply(backend, {
        ...{ rows, columns: dim, depth: classes, a: dLogits, b: { tensor: weight } },
        ...{ c: { tensor: made.x }, extent: { counted, before, axis: 'rows', isSpread: true } },
      });
    const adding = { accumulate: before > 0, extent: { counted, before, axis: 'depth' } } as const;
    if (made.weight)
      multiply(backend, {
        ...{ rows: classes, columns: dim, depth: rows, a: { ...dLogits, transposed: true }, b: own },
        ...{ c: { tensor: made.weight }, sums: made.bias, ...adding },
      });
    else if (made.bias) addColumnSums(backend, made.bias, { tensor: logits, rows, ...adding });
  }
  backend.disposeData(logits.dataId);
  return losses;
}

/** Gradients come with the loss, as they need the logits; for a gradient of 1 of the loss. */
function linearCrossEntropy({
  backend,
  inputs,
  attributes,
}: KernelCall<CrossEntropyAttributes & { ahead: readonly string[] }>): TensorInfo {
  const { ignoreIndex, reduction, ahead } = attributes;
  const { bias } = inputs;
  const [x, weight, labels] = ['x', 'weight', 'labels'].map((name) => input({ inputs }, name)) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ];
  const isEmpty = [...x.shape, ...weight.shape].includes(0);
  const made = Object.fromEntries(
    ahead.map((name) => {
      const { shape } = input({ inputs }, name);
      return [name, isEmpty ? zeros(backend, shape) : backend.output(shape)];
    }),
  ) as Made;
  const loss = isEmpty ? zeros(backend, []) : backend.output([]);
  backend.attach(loss, made as Record<string, TensorInfo>);
  if (isEmpty) return loss;
  const rows = findCountedRows(backend, { x, labels, ignoreIndex }, { dx: made.x });
  const losses = runChunks(backend, { rows, weight, bias, made }, attributes);
  backend.run({
    key: `linearCrossEntropy ${reduction}`,
    code: () => sumCode(reduction === 'mean'),
    ...{ reads: { counted: rows.counted, losses }, writes: { loss } },
    workgroups: [1],
  });
  for (const { dataId } of [rows.counted, rows.x, rows.labels, losses]) backend.disposeData(dataId);
  return loss;
}

/** Hands over what was made with the loss, multiplied where the gradient of the loss isn't known to be 1. */
function linearCrossEntropyGradient({
  backend,
  inputs,
  attributes: { wanted },
}: KernelCall<{ wanted: readonly string[] }>): TensorInfo[] {
  const [y, dy] = [input({ inputs }, 'y'), input({ inputs }, 'dy')];
  const made = backend.side(y);
  backend.attach(y, {}); // they may be large, and the loss be kept for long
  for (const [name, { dataId }] of Object.entries(made)) if (!wanted.includes(name)) backend.disposeData(dataId);
  const isOne = backend.tensorMap.get(dy.dataId).values?.[0] === 1;
  return wanted.map((name) => {
    const gradient = made[name];
    if (!gradient) throw new Error('formers-webgpu: the gradient of linearCrossEntropy was asked for twice');
    if (!isOne)
      runElementwise(backend, {
        key: 'linearCrossEntropy gradient',
        body: 'gradient[i] = gradient[i] * dy[0];',
        ...{ reads: {}, scalars: { dy }, writes: { gradient } },
      });
    return gradient;
  });
}

/** Kernels of `linearCrossEntropy` in @formers/backend. */
export const linearCrossEntropyKernels: KernelTable = {
  FormersLinearCrossEntropy: linearCrossEntropy,
  FormersLinearCrossEntropyGradient: linearCrossEntropyGradient,
};
