import type { BertForNextSentencePrediction } from '@formers/bert';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** Opens models that tell whether a second text follows the first: ids [batch, seq] to logits [batch, 2]; class 0 = it does. */
export const AutoModelForNextSentencePrediction: AutoModelClass<BertForNextSentencePrediction> =
  /* @__PURE__ */ autoModel('AutoModelForNextSentencePrediction', {
    bert: async () => (await import('@formers/bert')).BertForNextSentencePrediction,
  });
