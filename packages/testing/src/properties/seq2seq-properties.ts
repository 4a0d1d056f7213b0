import { describe } from 'vitest';

import { useEngineForTests } from '../engine.ts';
import { seq2seqCacheProperties } from './seq2seq-cache.ts';
import { seq2seqGradientProperties } from './seq2seq-gradient.ts';
import { seq2seqLossProperties } from './seq2seq-loss.ts';
import { seq2seqPaddingProperties } from './seq2seq-padding.ts';
import { seq2seqStartProperties } from './seq2seq-start.ts';
import { seq2seqTrainingProperties } from './seq2seq-training.ts';
import { seq2seqVisionProperties } from './seq2seq-vision.ts';
import type { EncoderDecoder, EncoderDecoderSubject } from './seq2seq.ts';

/**
 * Registers the properties that every encoder-decoder has, as tests of the calling file: what each token sees, padding, batches, caches, the loss and its
 * gradient, training, the start, and files. To be called once in a file, at its top level.
 */
export function encoderDecoderProperties<Model extends EncoderDecoder>(subject: EncoderDecoderSubject<Model>): void {
  useEngineForTests();
  describe(`${subject.name}: every encoder-decoder`, () => {
    seq2seqVisionProperties(subject);
    seq2seqPaddingProperties(subject);
    seq2seqCacheProperties(subject);
    seq2seqLossProperties(subject);
    seq2seqGradientProperties(subject);
    seq2seqTrainingProperties(subject);
    seq2seqStartProperties(subject);
  });
}
