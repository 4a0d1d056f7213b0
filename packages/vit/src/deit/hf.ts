import type { PretrainedFormat } from '@formers/nn';

import type { ViTConfig } from '../config.ts';
import { baseFormat, type FamilyFormats, headFormat } from '../hf.ts';
import { both, ENCODER_NAMES } from '../hf-names.ts';

const DEIT: FamilyFormats = {
  modelType: 'deit',
  basePrefix: 'deit.',
  classPrefix: 'DeiT',
  encoderNames: [...ENCODER_NAMES, ['encoder.distillationToken', 'embeddings.distillation_token']],
};

/** `DeiTModel` folders. */
export const DEIT_MODEL: PretrainedFormat<ViTConfig> = baseFormat(DEIT);

/** `DeiTForImageClassification` folders. */
export const DEIT_IMAGE_CLASSIFIER: PretrainedFormat<ViTConfig> = headFormat(DEIT, {
  suffix: 'ForImageClassification',
  headNames: both('head', 'classifier'),
});

/** `DeiTForImageClassificationWithTeacher` folders. */
export const DEIT_WITH_TEACHER: PretrainedFormat<ViTConfig> = headFormat(DEIT, {
  suffix: 'ForImageClassificationWithTeacher',
  headNames: [...both('head', 'cls_classifier'), ...both('distillationHead', 'distillation_classifier')],
});

/** `DeiTForMaskedImageModeling` folders. */
export const DEIT_MASKED_IMAGE_MODEL: PretrainedFormat<ViTConfig> = headFormat(DEIT, {
  suffix: 'ForMaskedImageModeling',
  headNames: both('decoder', 'decoder.0'),
  maskToken: true,
});
