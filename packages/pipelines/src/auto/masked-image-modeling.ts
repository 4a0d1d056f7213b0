import type { DeiTForMaskedImageModeling, ViTForMaskedImageModeling } from '@formers/vit';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A model that paints hidden patches. */
export type AnyMaskedImageModel = DeiTForMaskedImageModeling | ViTForMaskedImageModeling;

/** Opens models that paint the hidden patches of images [batch, channels, height, width]. */
export const AutoModelForMaskedImageModeling: AutoModelClass<AnyMaskedImageModel> =
  /* @__PURE__ */ autoModel<AnyMaskedImageModel>('AutoModelForMaskedImageModeling', {
    deit: async () => (await import('@formers/vit')).DeiTForMaskedImageModeling,
    vit: async () => (await import('@formers/vit')).ViTForMaskedImageModeling,
  });
