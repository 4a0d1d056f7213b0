import type { T5Model } from '@formers/t5';
import type { DeiTModel, ViTMAEModel, ViTModel } from '@formers/vit';

import { autoModel, type AutoModelClass } from './auto-model.ts';
import { type AnyTextEncoder, TEXT_ENCODERS } from './text-encoding.ts';
import { withPoolerOf } from './with-pooler-of.ts';

/** A model without a head. */
export type AnyModel = AnyTextEncoder | DeiTModel | T5Model | ViTMAEModel | ViTModel;

/** Opens models without a head: hidden states [batch, seq, dim], and the pooled first token where the checkpoint has a pooler. */
export const AutoModel: AutoModelClass<AnyModel> = /* @__PURE__ */ autoModel<AnyModel>('AutoModel', {
  ...TEXT_ENCODERS,
  deit: async (opened) => withPoolerOf(opened, (await import('@formers/vit')).DeiTModel),
  t5: async ({ architectures }) => {
    const { T5EncoderModel, T5Model } = await import('@formers/t5');
    return architectures.includes('T5EncoderModel') ? T5EncoderModel : T5Model;
  },
  vit: async (opened) => withPoolerOf(opened, (await import('@formers/vit')).ViTModel),
  vit_mae: async () => (await import('@formers/vit')).ViTMAEModel,
});
