import type { TensorInfo } from '@tensorflow/tfjs-core';

import {
  entry,
  input,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  WORKGROUP,
  WORKGROUP_INDEX,
  zeros,
} from './kernel.ts';
import { type CrossEntropyAttributes, logSumCode, lossCode, POWER, SHARED, SLOPE, TREE } from './row-loss-code.ts';

/** One workgroup a row. */
const rowCode = (isSmoothed: boolean): string => `
${SHARED}
${POWER}
${entry()}
  let row = ${WORKGROUP_INDEX};
  if (row >= u.rows) { return; }
  let start = row * u.classes;
  ${logSumCode(isSmoothed)}
  if (lane > 0u) { return; }
  logSums[row] = logSum;
  let label = labels[row];
  let isLabel = label >= 0 && u32(label) < u.classes;
  if (label == i32(u.ignored)) { losses[row] = 0.0; }
  else {
    ${lossCode(isSmoothed)}
    losses[row] = loss;
  }
}`;

/** The loss of all rows, and what each row's gradient is multiplied by. */
const sumCode = (isMean: boolean): string => `
${SHARED}
${entry()}
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
}`;

function crossEntropy({ backend, inputs, attributes }: KernelCall<CrossEntropyAttributes>): TensorInfo {
  const { ignoreIndex, labelSmoothing, reduction } = attributes;
  const [logits, labels] = [input({ inputs }, 'logits'), input({ inputs }, 'labels')];
  const [rows = 0, classes = 0] = logits.shape;
  if (rows === 0) return zeros(backend, []);
  const [logSums, losses] = [backend.output([rows]), backend.output([rows])];
  const isSmoothed = labelSmoothing > 0;
  backend.run({
    key: `crossEntropy rows${isSmoothed ? ' smoothed' : ''}`,
    code: () => rowCode(isSmoothed),
    ...{ reads: { logits, labels }, writes: { logSums, losses } },
    counts: { rows, classes, ignored: ignoreIndex },
    numbers: { smoothing: labelSmoothing },
    workgroups: spread(rows),
  });
  const [loss, scale] = [backend.output([]), backend.output([])];
  backend.run({
    key: `crossEntropy ${reduction}`,
    code: () => sumCode(reduction === 'mean'),
    ...{ reads: { labels, losses }, writes: { loss, scale } },
    counts: { rows, ignored: ignoreIndex },
    workgroups: [1],
  });
  backend.disposeData(losses.dataId);
  backend.attach(loss, { logSums, scale });
  return loss;
}

function crossEntropyGradient({
  backend,
  inputs,
  attributes: { ignoreIndex, labelSmoothing },
}: KernelCall<CrossEntropyAttributes>): TensorInfo[] {
  const [logits, labels, dy] = ['logits', 'labels', 'dy'].map((name) => input({ inputs }, name)) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ];
  const size = sizeOf(logits);
  if (size === 0) return [zeros(backend, logits.shape)];
  const { logSums, scale } = backend.side(input({ inputs }, 'y')) as Record<'logSums' | 'scale', TensorInfo>;
  const gradient = backend.output(logits.shape);
  backend.run({
    key: 'crossEntropy gradient',
    code: () => `
${POWER}
${SLOPE}
${entry()}
  let i = ${WORKGROUP_INDEX} * ${WORKGROUP}u + lane;
  if (i >= u.size) { return; }
  let row = i / u.classes;
  let label = labels[row];
  if (label == i32(u.ignored)) { gradient[i] = 0.0; return; }
  gradient[i] = slope(logits[i], i - row * u.classes, label, logSums[row]) * (dy[0] * scale[0]);
}`,
    ...{ reads: { logits, labels, logSums, dy, scale }, writes: { gradient } },
    counts: { size, classes: logits.shape[1] ?? 0, ignored: ignoreIndex },
    numbers: { smoothing: labelSmoothing },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
  return [gradient];
}

/** Kernels of `crossEntropy` in @formers/backend. */
export const crossEntropyKernels: KernelTable = {
  FormersCrossEntropy: crossEntropy,
  FormersCrossEntropyGradient: crossEntropyGradient,
};
