import { crossEntropy } from '@formers/backend';
import {
  abs,
  add,
  cast,
  clipByValue,
  div,
  exp,
  log1p,
  mean,
  mul,
  neg,
  relu,
  reshape,
  type Scalar,
  squaredDifference,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from '@tensorflow/tfjs-core';

/** What a sequence classifier predicts, in the words of Hugging Face's configs. */
export type ProblemType = (typeof PROBLEM_TYPES)[number];

/** Every {@link ProblemType}. */
export const PROBLEM_TYPES = ['regression', 'single_label_classification', 'multi_label_classification'] as const;

/** What a classifier predicts where its config doesn't say, found as Hugging Face finds it: by the number of classes and the type of the labels. */
export function problemTypeOf(
  { problemType, labels: names }: { problemType?: ProblemType | undefined; labels: readonly string[] },
  labels: Tensor,
): ProblemType {
  if (problemType) return problemType;
  if (names.length === 1) return 'regression';
  return labels.dtype === 'int32' ? 'single_label_classification' : 'multi_label_classification';
}

/** Mean of `(predictions - targets)²`, both of one shape. Returns a scalar. */
export function meanSquaredError(predictions: Tensor, targets: Tensor): Scalar {
  return tidy(() => mean(squaredDifference(predictions, targets)) as Scalar);
}

/**
 * Mean binary cross-entropy of σ(logits) against targets in [0, 1], both of one shape, in nats; computed as `max(x, 0) - x t + log(1 + exp(-|x|))`,
 * which doesn't overflow. Returns a scalar.
 */
export function binaryCrossEntropy(logits: Tensor, targets: Tensor): Scalar {
  return tidy(() => mean(add(sub(relu(logits), mul(logits, targets)), log1p(exp(neg(abs(logits)))))) as Scalar);
}

/**
 * The loss of a sequence classifier.
 *
 * @param logits [batch, labels]
 * @param options.labels int32 [batch] for single labels, float32 [batch, labels] for several, float32 [batch] or [batch, labels] for regression
 * @returns a scalar
 */
export function classificationLoss(
  logits: Tensor2D,
  { labels, problemType }: { labels: Tensor; problemType: ProblemType },
): Scalar {
  switch (problemType) {
    case 'single_label_classification':
      return crossEntropy(logits, labels as Tensor1D);
    case 'multi_label_classification':
      return binaryCrossEntropy(logits, labels);
    case 'regression':
      return tidy(() => meanSquaredError(logits, reshape(labels, logits.shape)));
  }
}

/** The scores of a question answerer: each [batch, seq], how likely the answer begins or ends at each token. */
export interface AnswerLogits {
  startLogits: Tensor2D;
  endLogits: Tensor2D;
}

/**
 * Mean cross-entropy of the first and the last token of answers, in nats (Devlin et al. 2019, section 4.2). Places beyond the sequence don't count: answers that were cut
 * off; negative ones are the first token, as in Hugging Face. Returns a scalar.
 *
 * @param options.starts int32 [batch] or, as Hugging Face takes them, too, [batch, 1], the first token of each answer
 * @param options.ends the last one, likewise
 */
export function answerLoss(
  { startLogits, endLogits }: AnswerLogits,
  { starts, ends }: { starts: Tensor1D | Tensor2D; ends: Tensor1D | Tensor2D },
): Scalar {
  const [batch, seq] = startLogits.shape;
  const lossOf = (logits: Tensor2D, places: Tensor): Scalar =>
    crossEntropy(logits, cast(clipByValue(reshape(places, [batch]), 0, seq), 'int32'), { ignoreIndex: seq });
  return tidy(() => div(add(lossOf(startLogits, starts), lossOf(endLogits, ends)), 2));
}
