import type { PretrainedModel, ProblemType } from '@formers/nn';
import type { Tensor } from '@tensorflow/tfjs-core';

/** What a classifier predicts, found as Hugging Face finds it: from the config, else from the number of labels and their type. */
export function problemTypeOf(
  { origin }: PretrainedModel<never, unknown, object>,
  { labels, numLabels }: { labels: Tensor; numLabels: number },
): ProblemType {
  const stated = origin?.config['problem_type'];
  if (typeof stated === 'string') return stated as ProblemType;
  if (numLabels === 1) return 'regression';
  return labels.dtype === 'int32' ? 'single_label_classification' : 'multi_label_classification';
}
