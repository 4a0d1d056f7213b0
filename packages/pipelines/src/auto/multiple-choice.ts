import type { BertForMultipleChoice, DistilBertForMultipleChoice, RobertaForMultipleChoice } from '@formers/bert';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A model that picks one of several texts. */
export type AnyMultipleChoice = BertForMultipleChoice | DistilBertForMultipleChoice | RobertaForMultipleChoice;

/** Opens models that pick one of several texts: ids [batch, choices, seq] to logits [batch, choices]. */
export const AutoModelForMultipleChoice: AutoModelClass<AnyMultipleChoice> =
  /* @__PURE__ */ autoModel<AnyMultipleChoice>('AutoModelForMultipleChoice', {
    bert: async () => (await import('@formers/bert')).BertForMultipleChoice,
    distilbert: async () => (await import('@formers/bert')).DistilBertForMultipleChoice,
    roberta: async () => (await import('@formers/bert')).RobertaForMultipleChoice,
  });
