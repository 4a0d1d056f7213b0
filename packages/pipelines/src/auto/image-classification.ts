import type {
  DeiTForImageClassification,
  DeiTForImageClassificationWithTeacher,
  TimmViT,
  ViTForImageClassification,
} from '@formers/vit';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A classifier of images. */
export type AnyImageClassifier =
  | DeiTForImageClassification
  | DeiTForImageClassificationWithTeacher
  | TimmViT
  | ViTForImageClassification;

/** Opens classifiers of images [batch, channels, height, width], also from timm's folders; a DeiT with its distillation token where it was saved with one. */
export const AutoModelForImageClassification: AutoModelClass<AnyImageClassifier> =
  /* @__PURE__ */ autoModel<AnyImageClassifier>('AutoModelForImageClassification', {
    deit: async ({ architectures }) => {
      const { DeiTForImageClassification, DeiTForImageClassificationWithTeacher } = await import('@formers/vit');
      const hasTeacher = architectures.includes('DeiTForImageClassificationWithTeacher');
      return hasTeacher ? DeiTForImageClassificationWithTeacher : DeiTForImageClassification;
    },
    timm_wrapper: async () => (await import('@formers/vit')).TimmViT,
    vit: async () => (await import('@formers/vit')).ViTForImageClassification,
  });
