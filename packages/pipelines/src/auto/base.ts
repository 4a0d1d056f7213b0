import type { BARTModel } from '@formers/bart';
import type { BertModel, DistilBertModel, RobertaModel } from '@formers/bert';
import { openCheckpoint } from '@formers/checkpoints';
import type { GPT1Model, GPTModel, GPTNeoModel } from '@formers/gpt';
import type { PretrainedOptions } from '@formers/nn';
import type { T5EncoderModel, T5Model } from '@formers/t5';
import type { DeiTModel, ViTMAEModel, ViTModel } from '@formers/vit';

import { autoModel, type AutoModelClass, type ModelClass } from './auto-model.ts';
import type { ModelFolder } from './model-folder.ts';

/** A model without a head that reads texts. */
export type AnyTextModel =
  | BARTModel
  | BertModel
  | DistilBertModel
  | GPT1Model
  | GPTModel
  | GPTNeoModel
  | RobertaModel
  | T5EncoderModel
  | T5Model;

/** A model without a head. */
export type AnyModel = AnyTextModel | DeiTModel | ViTMAEModel | ViTModel;

/** Opens models without a head: hidden states [batch, seq, dim], and the pooled first token where the checkpoint has a pooler. */
export const AutoModel: AutoModelClass<AnyModel> = /* @__PURE__ */ autoModel<AnyModel>('AutoModel', {
  bart: async () => (await import('@formers/bart')).BARTModel,
  bert: async (opened) => withPoolerOf(opened, (await import('@formers/bert')).BertModel),
  deit: async (opened) => withPoolerOf(opened, (await import('@formers/vit')).DeiTModel),
  distilbert: async () => (await import('@formers/bert')).DistilBertModel,
  gpt2: async () => (await import('@formers/gpt')).GPTModel,
  gpt_neo: async () => (await import('@formers/gpt')).GPTNeoModel,
  'openai-gpt': async () => (await import('@formers/gpt')).GPT1Model,
  roberta: async (opened) => withPoolerOf(opened, (await import('@formers/bert')).RobertaModel),
  t5: async ({ architectures }) => {
    const { T5EncoderModel, T5Model } = await import('@formers/t5');
    return architectures.includes('T5EncoderModel') ? T5EncoderModel : T5Model;
  },
  vit: async (opened) => withPoolerOf(opened, (await import('@formers/vit')).ViTModel),
  vit_mae: async () => (await import('@formers/vit')).ViTMAEModel,
});

/** Models whose features `feature-extraction` gives: of T5 the encoder alone. */
export const AutoTextModel: AutoModelClass<Exclude<AnyTextModel, T5Model>> = /* @__PURE__ */ autoModel<
  Exclude<AnyTextModel, T5Model>
>('feature-extraction', {
  bart: async () => (await import('@formers/bart')).BARTModel,
  bert: async (opened) => withPoolerOf(opened, (await import('@formers/bert')).BertModel),
  distilbert: async () => (await import('@formers/bert')).DistilBertModel,
  gpt2: async () => (await import('@formers/gpt')).GPTModel,
  gpt_neo: async () => (await import('@formers/gpt')).GPTNeoModel,
  'openai-gpt': async () => (await import('@formers/gpt')).GPT1Model,
  roberta: async (opened) => withPoolerOf(opened, (await import('@formers/bert')).RobertaModel),
  t5: async () => (await import('@formers/t5')).T5EncoderModel,
});

/** A class whose pooler may be left out. */
interface PooledClass<Model> {
  fromPretrained(location: ModelFolder['folder'], options?: PretrainedOptions & { pooler?: boolean }): Promise<Model>;
}

/** Leaves the pooler out where the checkpoint lacks it, as checkpoints of masked language models do. */
function withPoolerOf<Model>({ folder }: ModelFolder, modelClass: PooledClass<Model>): ModelClass<Model> {
  return {
    fromPretrained: async (_, options = {}) => {
      const { names } = await openCheckpoint(folder, options);
      const pooler = names.some((name) => /(^|\.)pooler\.dense\.weight$/.test(name));
      return modelClass.fromPretrained(folder, { ...options, pooler });
    },
  };
}
