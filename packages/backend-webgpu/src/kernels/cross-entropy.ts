import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import {
  input,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  WORKGROUP,
  WORKGROUP_INDEX,
  zeros,
} from './kernel.ts';

/** What the losses are told. */
export interface CrossEntropyAttributes {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  readonly reduction: 'mean' | 'sum';
}

/** Some rows of logits; labels, logarithms and losses are those of all rows, of which these begin at `first`. */
export interface LogitRows {
  readonly logits: TensorInfo;
  readonly rows: number;
  readonly classes: number;
  readonly labels: TensorInfo;
  readonly first: number;
  /** [all rows]: the logarithm of each row's sum of exponentials. */
  readonly logSums: TensorInfo;
}

const main = `@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {`;

/** Adds up `shared0` and `shared1` over a workgroup, in a fixed order. */
const TREE = `for (var step = ${WORKGROUP / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) { shared0[lane] += shared0[lane + step]; shared1[lane] += shared1[lane + step]; }
  }
  workgroupBarrier();`;

const SHARED = `var<workgroup> shared0: array<f32, ${WORKGROUP}>;
var<workgroup> shared1: array<f32, ${WORKGROUP}>;`;

/** One workgroup a row: the running maximum with the sum of exponentials below it (Milakov and Gimelshein 2018), by each thread, then together. NaN stays. */
const rowCode = (isSmoothed: boolean): string => `
${SHARED}
fn power(x: f32) -> f32 { return exp(select(x, -100.0, x < -100.0)); }
${main}
  let row = ${WORKGROUP_INDEX};
  if (row >= u.rows) { return; }
  let start = row * u.classes;
  var highest = -3.0e38;
  var sum = 0.0;
  var total = 0.0;
  for (var i = lane; i < u.classes; i += ${WORKGROUP}u) {
    let x = logits[start + i];
    let higher = select(highest, x, x > highest);
    sum = sum * power(highest - higher) + power(x - higher);
    highest = higher;
    ${isSmoothed ? 'total += x;' : ''}
  }
  shared0[lane] = highest;
  shared1[lane] = sum;
  for (var step = ${WORKGROUP / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let other = shared0[lane + step];
      let higher = select(shared0[lane], other, other > shared0[lane]);
      shared1[lane] = shared1[lane] * power(shared0[lane] - higher) + shared1[lane + step] * power(other - higher);
      shared0[lane] = higher;
    }
  }
  workgroupBarrier();
  let logSum = shared0[0] + log(shared1[0]);
  workgroupBarrier();
  ${isSmoothed ? `shared0[lane] = total;\n  ${TREE}` : ''}
  if (lane > 0u) { return; }
  let label = labels[u.first + row];
  var loss = 0.0;
  if (label != i32(u.ignored)) {
    if (label >= 0 && u32(label) < u.classes) { loss = (1.0 - u.smoothing) * (logSum - logits[start + u32(label)]); }
    ${isSmoothed ? 'loss += u.smoothing * (logSum - shared0[0] / f32(u.classes));' : ''}
  }
  logSums[u.first + row] = logSum;
  losses[u.first + row] = loss;
}`;

/** Logarithms and losses of some rows. */
export function runRows(
  backend: FormersWebGPUBackend,
  { logits, rows, classes, labels, first, logSums }: LogitRows,
  { losses, attributes: { ignoreIndex, labelSmoothing } }: { losses: TensorInfo; attributes: CrossEntropyAttributes },
): void {
  const isSmoothed = labelSmoothing > 0;
  backend.run({
    key: `crossEntropy rows${isSmoothed ? ' smoothed' : ''}`,
    code: () => rowCode(isSmoothed),
    ...{ reads: { logits, labels }, writes: { logSums, losses } },
    counts: { rows, classes, first, ignored: ignoreIndex },
    numbers: { smoothing: labelSmoothing },
    workgroups: spread(rows),
  });
}

/** The loss of all rows, and what each row's gradient is multiplied by. */
export function runLoss(
  backend: FormersWebGPUBackend,
  { labels, losses }: { labels: TensorInfo; losses: TensorInfo },
  { ignoreIndex, reduction }: CrossEntropyAttributes,
): { loss: TensorInfo; scale: TensorInfo } {
  const [loss, scale] = [backend.output([]), backend.output([])];
  const isMean = reduction === 'mean';
  backend.run({
    key: `crossEntropy ${reduction}`,
    code: () => `
${SHARED}
${main}
  var total = 0.0;
  var count = 0.0;
  for (var i = lane; i < u.rows; i += ${WORKGROUP}u) {
    total += losses[i];
    count += select(0.0, 1.0, labels[i] != i32(u.ignored));
  }
  shared0[lane] = total;
  shared1[lane] = count;
  ${TREE}
  if (lane > 0u) { return; }
  let counted = ${isMean ? 'max(shared1[0], 1.0)' : '1.0'};
  loss[0] = shared0[0] / counted;
  scale[0] = 1.0 / counted;
}`,
    ...{ reads: { labels, losses }, writes: { loss, scale } },
    counts: { rows: sizeOf(losses), ignored: ignoreIndex },
    workgroups: [1],
  });
  return { loss, scale };
}

/** Gradient of some rows of logits into a tensor that may be the logits. */
export function runRowGradients(
  backend: FormersWebGPUBackend,
  { logits, rows, classes, labels, first, logSums }: LogitRows,
  {
    gradient,
    dy,
    scale,
    attributes: { ignoreIndex, labelSmoothing },
  }: { gradient: TensorInfo; dy: TensorInfo; scale: TensorInfo; attributes: CrossEntropyAttributes },
): void {
  const isInPlace = gradient === logits;
  const size = rows * classes;
  backend.run({
    key: `crossEntropy gradient${isInPlace ? ' in place' : ''}`,
    code: () => `
${main}
  let i = ${WORKGROUP_INDEX} * ${WORKGROUP}u + lane;
  if (i >= u.size) { return; }
  let row = i / u.classes;
  let class_ = i - row * u.classes;
  let label = labels[u.first + row];
  if (label == i32(u.ignored)) { gradient[i] = 0.0; return; }
  let isLabel = label >= 0 && u32(label) < u.classes;
  let x = ${isInPlace ? 'gradient' : 'logits'}[i] - logSums[u.first + row];
  let probability = exp(select(x, -100.0, x < -100.0));
  let chosen = select(0.0, 1.0 - u.smoothing, isLabel);
  let target_ = select(0.0, chosen, class_ == u32(label)) + u.smoothing / f32(u.classes);
  gradient[i] = (probability * (chosen + u.smoothing) - target_) * (dy[0] * scale[0]);
}`,
    reads: { ...(!isInPlace && { logits }), labels, logSums, dy, scale },
    writes: { gradient },
    counts: { size, classes, first, ignored: ignoreIndex },
    numbers: { smoothing: labelSmoothing },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
}

function crossEntropy({ backend, inputs, attributes }: KernelCall<CrossEntropyAttributes>): TensorInfo {
  const [logits, labels] = [input({ inputs }, 'logits'), input({ inputs }, 'labels')];
  const [rows = 0, classes = 0] = logits.shape;
  if (rows === 0) return zeros(backend, []);
  const [logSums, losses] = [backend.output([rows]), backend.output([rows])];
  runRows(backend, { logits, rows, classes, labels, first: 0, logSums }, { losses, attributes });
  const { loss, scale } = runLoss(backend, { labels, losses }, attributes);
  backend.disposeData(losses.dataId);
  backend.attach(loss, { logSums, scale });
  return loss;
}

function crossEntropyGradient({ backend, inputs, attributes }: KernelCall<CrossEntropyAttributes>): TensorInfo[] {
  const [logits, labels] = [input({ inputs }, 'logits'), input({ inputs }, 'labels')];
  const [rows = 0, classes = 0] = logits.shape;
  if (sizeOf(logits) === 0) return [zeros(backend, logits.shape)];
  const { logSums, scale } = backend.side(input({ inputs }, 'y')) as Record<'logSums' | 'scale', TensorInfo>;
  const gradient = backend.output(logits.shape);
  const problem = { logits, rows, classes, labels, first: 0, logSums };
  runRowGradients(backend, problem, { gradient, dy: input({ inputs }, 'dy'), scale, attributes });
  return [gradient];
}

/** Kernels of `crossEntropy` in @formers/backend. */
export const crossEntropyKernels: KernelTable = {
  FormersCrossEntropy: crossEntropy,
  FormersCrossEntropyGradient: crossEntropyGradient,
};
