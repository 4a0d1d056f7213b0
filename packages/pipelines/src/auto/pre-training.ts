import type { BART } from '@formers/bart';
import type { BertForPreTraining, DistilBertForMaskedLM, RobertaForMaskedLM } from '@formers/bert';
import type { GPT, GPT1, GPTNeo } from '@formers/gpt';
import type { T5 } from '@formers/t5';
import type { ViTMAEForPreTraining } from '@formers/vit';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A model with the heads that it is pre-trained with. */
export type AnyPreTraining =
  | BART
  | BertForPreTraining
  | DistilBertForMaskedLM
  | GPT
  | GPT1
  | GPTNeo
  | RobertaForMaskedLM
  | T5
  | ViTMAEForPreTraining;

/** Opens models with the heads that they are pre-trained with. */
export const AutoModelForPreTraining: AutoModelClass<AnyPreTraining> = /* @__PURE__ */ autoModel<AnyPreTraining>(
  'AutoModelForPreTraining',
  {
    bart: async () => (await import('@formers/bart')).BART,
    bert: async () => (await import('@formers/bert')).BertForPreTraining,
    distilbert: async () => (await import('@formers/bert')).DistilBertForMaskedLM,
    gpt2: async () => (await import('@formers/gpt')).GPT,
    gpt_neo: async () => (await import('@formers/gpt')).GPTNeo,
    'openai-gpt': async () => (await import('@formers/gpt')).GPT1,
    roberta: async () => (await import('@formers/bert')).RobertaForMaskedLM,
    t5: async () => (await import('@formers/t5')).T5,
    vit_mae: async () => (await import('@formers/vit')).ViTMAEForPreTraining,
  },
);
