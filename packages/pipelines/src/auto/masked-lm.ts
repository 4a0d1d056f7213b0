import type { BART } from '@formers/bart';
import type { BertForMaskedLM, DistilBertForMaskedLM, RobertaForMaskedLM } from '@formers/bert';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A model that fills in masked words. */
export type AnyMaskedLM = BART | BertForMaskedLM | DistilBertForMaskedLM | RobertaForMaskedLM;

/** Opens models that fill in masked words: ids [batch, seq] to logits [batch, seq, vocab]. */
export const AutoModelForMaskedLM: AutoModelClass<AnyMaskedLM> = /* @__PURE__ */ autoModel<AnyMaskedLM>(
  'AutoModelForMaskedLM',
  {
    bart: async () => (await import('@formers/bart')).BART,
    bert: async () => (await import('@formers/bert')).BertForMaskedLM,
    distilbert: async () => (await import('@formers/bert')).DistilBertForMaskedLM,
    roberta: async () => (await import('@formers/bert')).RobertaForMaskedLM,
  },
);
