import type {
  BertForTokenClassification,
  DistilBertForTokenClassification,
  RobertaForTokenClassification,
} from '@formers/bert';
import type { T5ForTokenClassification } from '@formers/t5';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A classifier of tokens. */
export type AnyTokenClassifier =
  | BertForTokenClassification
  | DistilBertForTokenClassification
  | RobertaForTokenClassification
  | T5ForTokenClassification;

/** Opens classifiers of tokens: ids [batch, seq] to logits [batch, seq, labels]. */
export const AutoModelForTokenClassification: AutoModelClass<AnyTokenClassifier> =
  /* @__PURE__ */ autoModel<AnyTokenClassifier>('AutoModelForTokenClassification', {
    bert: async () => (await import('@formers/bert')).BertForTokenClassification,
    distilbert: async () => (await import('@formers/bert')).DistilBertForTokenClassification,
    roberta: async () => (await import('@formers/bert')).RobertaForTokenClassification,
    t5: async () => (await import('@formers/t5')).T5ForTokenClassification,
  });
