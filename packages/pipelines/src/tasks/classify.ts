import type { ProblemType } from '@formers/nn';

import { checkTopK } from '../inputs.ts';
import { largest, type ScoreFunction, scoresOf } from '../scores.ts';

/** A class and how likely it is. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** How logits become labels. */
export interface LabelOptions {
  /** How many labels of each input, the likeliest first; null for all. */
  readonly topK?: number | null | undefined;
  /** How logits become scores: default `none` for regression, `sigmoid` where classes don't exclude each other or there is only one, else `softmax`. */
  readonly functionToApply?: ScoreFunction | undefined;
}

/** The likeliest labels of each row of logits [batch, labels]. */
export function topLabels(
  logits: Float32Array,
  { config, topK, functionToApply, where }: LabelOptions & { config: Classes; where: string },
): LabelScore[][] {
  const { labels } = config;
  const count = Math.min(checkTopK(topK, where), labels.length);
  return Array.from({ length: logits.length / labels.length }, (_, row) => {
    const values = logits.subarray(row * labels.length, (row + 1) * labels.length);
    const scores = scoresOf(values, functionToApply ?? defaultFunction(config));
    return largest(scores, count).map((i) => ({ label: labels[i] as string, score: scores[i] as number }));
  });
}

interface Classes {
  readonly labels: readonly string[];
  readonly problemType?: ProblemType | undefined;
}

/** As Hugging Face's pipelines choose. */
function defaultFunction({ labels, problemType }: Classes): ScoreFunction {
  if (problemType === 'regression') return 'none';
  return problemType === 'multi_label_classification' || labels.length === 1 ? 'sigmoid' : 'softmax';
}
