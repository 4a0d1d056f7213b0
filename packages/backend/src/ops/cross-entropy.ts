import {
  add,
  cast,
  div,
  equal,
  expandDims,
  logSoftmax,
  maximum,
  mean,
  mul,
  neg,
  notEqual,
  oneHot,
  reshape,
  type Scalar,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
  where,
  zerosLike,
} from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';
import { checkShape } from '../errors.ts';
import { linear } from './linear.ts';

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** Label of the places that don't count; default -100, as in PyTorch. */
  ignoreIndex?: number;
  /** Share ε of the target spread evenly over all classes (Szegedy et al. 2016, section 7); default 0. */
  labelSmoothing?: number;
  /** `mean` over the places that count (0 when none does), or their `sum`; default `mean`. */
  reduction?: 'mean' | 'sum';
}

/**
 * Cross-entropy of softmax(logits) against class ids, in nats.
 *
 * @param logits [..., classes]
 * @param labels int32 [...]; not checked here: check arrays before they become tensors.
 * @returns a scalar
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Scalar {
  const classes = logits.shape.at(-1) ?? 0;
  checkShape('crossEntropy: labels', labels, logits.shape.slice(0, -1));
  return tidy(() =>
    crossEntropyOp(
      { logits: reshape(logits, [-1, classes]) as Tensor2D, labels: reshape(labels, [-1]) as Tensor1D },
      withDefaults(options),
    ),
  );
}

/**
 * {@link crossEntropy} of the logits `x Wᵀ + bias`, for output projections: an engine that fuses it never holds all logits at once, and computes none
 * of the places that don't count.
 *
 * @param x [..., dim]
 * @param weight [classes, dim]
 * @param options.labels int32 [...]
 * @param options.bias [classes]
 * @returns a scalar
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor2D,
  { labels, bias, ...options }: CrossEntropyOptions & { labels: Tensor; bias?: Tensor1D | undefined },
): Scalar {
  const [classes, dim] = weight.shape;
  const places = x.shape.slice(0, -1);
  checkShape('linearCrossEntropy: x', x, [...places, dim]);
  checkShape('linearCrossEntropy: labels', labels, places);
  if (bias) checkShape('linearCrossEntropy: bias', bias, [classes]);
  return tidy(() =>
    linearCrossEntropyOp(
      { x: reshape(x, [-1, dim]) as Tensor2D, weight, bias, labels: reshape(labels, [-1]) as Tensor1D },
      withDefaults(options),
    ),
  );
}

type Attributes = Required<CrossEntropyOptions>;

function withDefaults({ ignoreIndex = -100, labelSmoothing = 0, reduction = 'mean' }: CrossEntropyOptions): Attributes {
  return { ignoreIndex, labelSmoothing, reduction };
}

type Inputs = {
  readonly logits: Tensor2D;
  readonly labels: Tensor1D;
};

/** The op behind {@link crossEntropy}. */
export const crossEntropyOp: Op<Inputs, Attributes, Scalar> = defineOp<Inputs, Attributes, Scalar>({
  name: 'FormersCrossEntropy',
  differentiable: ['logits'],
  saves: ['logits', 'labels'],
  savesOutput: true,
  composition: ({ logits, labels }, { ignoreIndex, labelSmoothing, reduction }) =>
    tidy(() => {
      const counts = notEqual(labels, ignoreIndex); // [rows]
      const logProbabilities = logSoftmax(logits); // [rows, classes]
      // Choosing, where multiplying by 0 would make NaN of the log-probability -Infinity.
      const chosen = sum(where(isLabel(labels, logits.shape[1]), logProbabilities, zerosLike(logProbabilities)), 1); // [rows]
      const smoothed = labelSmoothing
        ? add(mul(chosen, 1 - labelSmoothing), mul(mean(logProbabilities, 1), labelSmoothing))
        : chosen; // [rows]
      const total = neg(sum(where(counts, smoothed, zerosLike(smoothed))));
      return (reduction === 'sum' ? total : div(total, maximum(sum(cast(counts, 'float32')), 1))) as Scalar;
    }),
});

/** bool [rows, classes]: true at the label of each row. */
function isLabel(labels: Tensor1D, classes: number): Tensor {
  return classes > 1 ? cast(oneHot(labels, classes), 'bool') : expandDims(equal(labels, 0), 1); // oneHot wants two classes at least
}

type LinearInputs = {
  readonly x: Tensor2D;
  readonly weight: Tensor2D;
  readonly bias: Tensor1D | undefined;
  readonly labels: Tensor1D;
};

/** The op behind {@link linearCrossEntropy}. */
export const linearCrossEntropyOp: Op<LinearInputs, Attributes, Scalar> = defineOp<LinearInputs, Attributes, Scalar>({
  name: 'FormersLinearCrossEntropy',
  differentiable: ['x', 'weight', 'bias'],
  saves: ['x', 'weight', 'bias', 'labels'],
  savesOutput: true,
  looksAhead: true,
  composition: ({ x, weight, bias, labels }, attributes) =>
    tidy(() => crossEntropyOp({ logits: linear(x, weight, { bias }), labels }, attributes)),
});
