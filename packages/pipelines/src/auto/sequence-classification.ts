import type { BARTForSequenceClassification } from '@formers/bart';
import type {
  BertForSequenceClassification,
  DistilBertForSequenceClassification,
  RobertaForSequenceClassification,
} from '@formers/bert';
import type {
  GPT1ForSequenceClassification,
  GPTForSequenceClassification,
  GPTNeoForSequenceClassification,
} from '@formers/gpt';
import type { T5ForSequenceClassification } from '@formers/t5';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A classifier of texts. */
export type AnySequenceClassifier =
  | BARTForSequenceClassification
  | BertForSequenceClassification
  | DistilBertForSequenceClassification
  | GPT1ForSequenceClassification
  | GPTForSequenceClassification
  | GPTNeoForSequenceClassification
  | RobertaForSequenceClassification
  | T5ForSequenceClassification;

/** Opens classifiers of texts: ids [batch, seq] to logits [batch, labels]. */
export const AutoModelForSequenceClassification: AutoModelClass<AnySequenceClassifier> =
  /* @__PURE__ */ autoModel<AnySequenceClassifier>('AutoModelForSequenceClassification', {
    bart: async () => (await import('@formers/bart')).BARTForSequenceClassification,
    bert: async () => (await import('@formers/bert')).BertForSequenceClassification,
    distilbert: async () => (await import('@formers/bert')).DistilBertForSequenceClassification,
    gpt2: async () => (await import('@formers/gpt')).GPTForSequenceClassification,
    gpt_neo: async () => (await import('@formers/gpt')).GPTNeoForSequenceClassification,
    'openai-gpt': async () => (await import('@formers/gpt')).GPT1ForSequenceClassification,
    roberta: async () => (await import('@formers/bert')).RobertaForSequenceClassification,
    t5: async () => (await import('@formers/t5')).T5ForSequenceClassification,
  });
