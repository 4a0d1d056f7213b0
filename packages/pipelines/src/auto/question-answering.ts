import type { BARTForQuestionAnswering } from '@formers/bart';
import type {
  BertForQuestionAnswering,
  DistilBertForQuestionAnswering,
  RobertaForQuestionAnswering,
} from '@formers/bert';
import type { T5ForQuestionAnswering } from '@formers/t5';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A model that finds answers in a text. */
export type AnyQuestionAnswerer =
  | BARTForQuestionAnswering
  | BertForQuestionAnswering
  | DistilBertForQuestionAnswering
  | RobertaForQuestionAnswering
  | T5ForQuestionAnswering;

/** Opens models that find answers in a text: ids [batch, seq] to logits of the first and the last token. */
export const AutoModelForQuestionAnswering: AutoModelClass<AnyQuestionAnswerer> =
  /* @__PURE__ */ autoModel<AnyQuestionAnswerer>('AutoModelForQuestionAnswering', {
    bart: async () => (await import('@formers/bart')).BARTForQuestionAnswering,
    bert: async () => (await import('@formers/bert')).BertForQuestionAnswering,
    distilbert: async () => (await import('@formers/bert')).DistilBertForQuestionAnswering,
    roberta: async () => (await import('@formers/bert')).RobertaForQuestionAnswering,
    t5: async () => (await import('@formers/t5')).T5ForQuestionAnswering,
  });
