import {
  crossEntropy,
  type CrossEntropyOptions,
  dropout,
  embedding,
  linearCrossEntropy,
  nextDropoutKey,
  RandomStream,
  uniformValues,
  withDropout,
} from '@formers/backend';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';

import { type Array64, multiply64 } from './array64.ts';
import type { OpCase } from './op-case.ts';

/** Loss of rows of logits against labels, in float64. */
function loss64(
  logits: Float64Array,
  labels: Float64Array,
  { ignoreIndex = -100, labelSmoothing = 0, reduction = 'mean' }: CrossEntropyOptions,
): Float64Array {
  const classes = logits.length / labels.length;
  let total = 0;
  let counted = 0;
  labels.forEach((label, row) => {
    if (label === ignoreIndex) return;
    counted++;
    const values = logits.subarray(row * classes, (row + 1) * classes);
    const highest = Math.max(...values);
    const logSum = highest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    const mean = values.reduce((sum, value) => sum + value, 0) / classes;
    total += (1 - labelSmoothing) * (logSum - (values[label] as number)) + labelSmoothing * (logSum - mean);
  });
  return Float64Array.of(reduction === 'sum' ? total : total / Math.max(1, counted));
}

function ids(count: number, { bound, ignored = 0 }: { bound: number; ignored?: number }): Int32Array {
  const random = new RandomStream(count, 'labels');
  // Spread over the places, the first among them.
  const isIgnored = (i: number) => (i * 11) % count < ignored;
  return Int32Array.from({ length: count }, (_, i) => (isIgnored(i) ? -100 : random.integer(bound)));
}

function crossEntropyCase({
  rows,
  classes,
  ignored = 0,
  ...options
}: { rows: number; classes: number; ignored?: number } & CrossEntropyOptions): OpCase {
  return {
    name: `crossEntropy: [${rows}, ${classes}] ${JSON.stringify({ ignored, ...options })}`,
    inputs: [
      { shape: [rows, classes] },
      { shape: [rows], dtype: 'int32', values: ids(rows, { bound: classes, ignored }) },
    ],
    op: ([logits, labels]) => crossEntropy(logits as Tensor, labels as Tensor, options),
    reference: ([logits, labels]) => loss64((logits as Array64).data, (labels as Array64).data, options),
  };
}

/** A case of `linearCrossEntropy`. */
export function linearCrossEntropyCase({
  rows,
  dim,
  classes,
  ignored = 0,
  bias,
  ...options
}: {
  rows: number;
  dim: number;
  classes: number;
  ignored?: number;
  bias?: 'alone' | 'too';
} & CrossEntropyOptions): OpCase {
  return {
    work: rows * dim * classes,
    name: `linearCrossEntropy: [${rows}, ${dim}] to ${classes} ${JSON.stringify({ ignored, bias, ...options })}`,
    inputs: [
      { shape: [rows, dim] },
      { shape: [classes, dim], differentiable: bias !== 'alone' },
      { shape: [rows], dtype: 'int32', values: ids(rows, { bound: classes, ignored }) },
      ...(bias ? [{ shape: [classes] }] : []),
    ],
    op: ([x, weight, labels, b]) =>
      linearCrossEntropy(x as Tensor, weight as Tensor2D, {
        labels: labels as Tensor,
        bias: b as Tensor1D | undefined,
        ...options,
      }),
    reference: ([x, weight, labels, b]) => {
      const logits = multiply64((x as Array64).data, (weight as Array64).data, {
        rows,
        columns: classes,
        depth: dim,
        transposeB: true,
      });
      const biased = b ? logits.map((logit, i) => logit + (b.data[i % classes] as number)) : logits;
      return loss64(biased, (labels as Array64).data, options);
    },
  };
}

/** A case of `embedding`. */
export function embeddingCase({ count, vocab, dim }: { count: number; vocab: number; dim: number }): OpCase {
  return {
    name: `embedding: ${count} of [${vocab}, ${dim}]`,
    inputs: [{ shape: [vocab, dim] }, { shape: [1, count], dtype: 'int32', values: ids(count, { bound: vocab }) }],
    op: ([weight, list]) => embedding(weight as Tensor2D, list as Tensor),
    reference: ([weight, list]) => {
      const y = new Float64Array(count * dim);
      (list as Array64).data.forEach((id, i) =>
        y.set((weight as Array64).data.subarray(id * dim, (id + 1) * dim), i * dim),
      );
      return y;
    },
  };
}

function dropoutCase({ shape, rate }: { shape: readonly number[]; rate: number }): OpCase {
  const seed = { seed: 11, step: 4 };
  return {
    name: `dropout: [${shape.join()}], rate ${rate}`,
    inputs: [{ shape }],
    op: ([x]) => withDropout(seed, () => dropout(x as Tensor, rate)),
    reference: ([x]) => {
      const key = withDropout(seed, nextDropoutKey);
      const uniform = uniformValues(key as [number, number], (x as Array64).data.length);
      return (x as Array64).data.map((value, i) => ((uniform[i] as number) >= rate ? value / (1 - rate) : 0));
    },
    tolerance: 1e-6,
  };
}

/** Losses, embeddings and dropout. */
export const lossCases: readonly OpCase[] = [
  ...[1, 2, 7, 8, 9, 65, 197].map((classes) => crossEntropyCase({ rows: 19, classes })),
  crossEntropyCase({ rows: 1, classes: 3 }),
  crossEntropyCase({ rows: 20, classes: 11, ignored: 7 }),
  crossEntropyCase({ rows: 5, classes: 11, ignored: 5 }),
  crossEntropyCase({ rows: 9, classes: 17, labelSmoothing: 0.1 }),
  crossEntropyCase({ rows: 9, classes: 17, labelSmoothing: 0.3, ignored: 2, reduction: 'sum' }),
  linearCrossEntropyCase({ rows: 21, dim: 13, classes: 65 }),
  linearCrossEntropyCase({ rows: 70, dim: 3, classes: 17, ignored: 3, labelSmoothing: 0.2 }),
  linearCrossEntropyCase({ rows: 300, dim: 2, classes: 4200 }),
  linearCrossEntropyCase({ rows: 530, dim: 4, classes: 9, ignored: 5, bias: 'too' }), // a gradient whose rows are summed in parts
  linearCrossEntropyCase({ rows: 21, dim: 13, classes: 65, bias: 'too' }),
  linearCrossEntropyCase({ rows: 21, dim: 13, classes: 65, bias: 'alone', labelSmoothing: 0.2 }),
  linearCrossEntropyCase({ rows: 9, dim: 5, classes: 17, ignored: 9, bias: 'too' }),
  linearCrossEntropyCase({ rows: 70, dim: 3, classes: 17, ignored: 60, bias: 'too', reduction: 'sum' }),
  linearCrossEntropyCase({ rows: 258, dim: 2, classes: 4200, bias: 'too' }),
  linearCrossEntropyCase({ rows: 270, dim: 2, classes: 4200, ignored: 10, bias: 'alone' }),
  embeddingCase({ count: 1, vocab: 1, dim: 1 }),
  embeddingCase({ count: 50, vocab: 7, dim: 33 }),
  embeddingCase({ count: 197, vocab: 31, dim: 70 }),
  dropoutCase({ shape: [1], rate: 0.5 }),
  dropoutCase({ shape: [3, 7], rate: 0.1 }),
  dropoutCase({ shape: [197, 197], rate: 0.25 }),
];
