import { describe } from 'vitest';

import { useEngineForTests } from '../engine.ts';
import { type Encoder, type EncoderSubject, tokensFor } from './encoder.ts';
import { headProperties } from './encoder-heads.ts';
import { encoderLearningProperties } from './encoder-learning.ts';
import { encoderSeesProperties } from './encoder-sees.ts';
import { encoderStartProperties } from './encoder-start.ts';
import { selfAttentionProperties } from './self-attention.ts';

/**
 * Registers the properties that every text encoder with post-norm layers has, as tests of the calling file: what it sees, its attention, the loss and its
 * gradient, training, the start, files, and the same of each head. To be called once in a file, at its top level.
 */
export function encoderProperties<Model extends Encoder>(subject: EncoderSubject<Model>): void {
  useEngineForTests();
  describe(`${subject.name}: every encoder`, () => {
    encoderSeesProperties(subject);
    selfAttentionProperties({ ...subject, run: (model) => model.call(tokensFor(model)) });
    encoderLearningProperties(subject);
    encoderStartProperties(subject);
  });
  describe(`${subject.name}: every head`, () => {
    for (const head of subject.heads) headProperties(head);
  });
}
