import { describe } from 'vitest';

import { useEngineForTests } from '../engine.ts';
import { imageLearningProperties } from './image-learning.ts';
import { type ImageModel, type ImageModelSubject, imagesFor } from './image-model.ts';
import { imageStartProperties } from './image-start.ts';
import { selfAttentionProperties } from './self-attention.ts';
import { visionProperties } from './vision.ts';

/**
 * Registers the properties that every Vision Transformer with a class token has, as tests of the calling file: what it sees, its attention, the gradient,
 * training, the start, and files. To be called once in a file, at its top level.
 */
export function imageModelProperties<Model extends ImageModel>(subject: ImageModelSubject<Model>): void {
  useEngineForTests();
  describe(`${subject.name}: every Vision Transformer`, () => {
    const { attentions } = subject;
    visionProperties(subject);
    if (attentions) selfAttentionProperties({ ...subject, attentions, run: (model) => model.call(imagesFor(model)) });
    imageLearningProperties(subject);
    imageStartProperties(subject);
  });
}
