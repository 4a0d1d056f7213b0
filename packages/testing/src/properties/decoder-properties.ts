import { describe } from 'vitest';

import { useEngineForTests } from '../engine.ts';
import { causalProperties } from './causal.ts';
import type { Decoder, DecoderSubject } from './decoder.ts';
import { learningProperties } from './learning.ts';
import { startProperties } from './start.ts';

/**
 * Registers the properties that every decoder-only language model has, as tests of the calling file: causality, padding, batches, caches, the loss and
 * its gradient, training, the start, and files. To be called once in a file, at its top level.
 */
export function decoderProperties<Model extends Decoder>(subject: DecoderSubject<Model>): void {
  useEngineForTests();
  describe(`${subject.name}: every decoder`, () => {
    causalProperties(subject);
    learningProperties(subject);
    startProperties(subject);
  });
}
