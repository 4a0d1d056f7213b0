import type { BARTModel } from '@formers/bart';
import type { BertModel, DistilBertModel, RobertaModel } from '@formers/bert';
import type { GPT1Model, GPTModel, GPTNeoModel } from '@formers/gpt';
import type { T5EncoderModel } from '@formers/t5';

import { autoModel, type AutoModelClass, type ModelClasses } from './auto-model.ts';
import { withPoolerOf } from './with-pooler-of.ts';

/** A model whose hidden states stand for the tokens of a text. */
export type AnyTextEncoder =
  | BARTModel
  | BertModel
  | DistilBertModel
  | GPT1Model
  | GPTModel
  | GPTNeoModel
  | RobertaModel
  | T5EncoderModel;

/** Models without a head that read texts. */
export const TEXT_ENCODERS: ModelClasses<AnyTextEncoder> = {
  bart: async () => (await import('@formers/bart')).BARTModel,
  bert: async (opened) => withPoolerOf(opened, (await import('@formers/bert')).BertModel),
  distilbert: async () => (await import('@formers/bert')).DistilBertModel,
  gpt2: async () => (await import('@formers/gpt')).GPTModel,
  gpt_neo: async () => (await import('@formers/gpt')).GPTNeoModel,
  'openai-gpt': async () => (await import('@formers/gpt')).GPT1Model,
  roberta: async (opened) => withPoolerOf(opened, (await import('@formers/bert')).RobertaModel),
  t5: async () => (await import('@formers/t5')).T5EncoderModel,
};

/** Opens models that give the hidden states of texts, [batch, seq, dim]: of T5 the encoder alone, of BART the decoder's. */
export const AutoModelForTextEncoding: AutoModelClass<AnyTextEncoder> = /* @__PURE__ */ autoModel<AnyTextEncoder>(
  'AutoModelForTextEncoding',
  TEXT_ENCODERS,
);
