import { BART } from '@formers/bart';
import { denoising } from '@formers/data';

import type { Family } from '../family.ts';
import { learnBytePairs } from '../learners.ts';
import {
  type GivenRestoringOptions,
  prepareRestoring,
  RESTORING_OPTIONS,
  restoringConfig,
  type RestoringRunConfig,
} from './restored-text.ts';
import { PADDING, paddedContext } from './sequence.ts';

/** `<s>` and `</s>`. */
const AROUND = 2;

/** BART on text, which learns to restore spoilt text. */
export const BART_FAMILY: Family<GivenRestoringOptions, RestoringRunConfig> = {
  name: 'bart',
  about: 'Pre-trains a BART on text, from scratch: sentences out of order, and spans that are masked.',
  examples: [
    '--family bart',
    '--family bart --dataset sotu --steps 4000',
    '--resume checkpoints/bart-moby-dick --steps 4000',
  ],
  options: RESTORING_OPTIONS,
  configure: (given, { isSlow }) => restoringConfig('bart', { given, isSlow }),
  prepare(config, machine) {
    const { dim, numHeads, numLayers, dropout, seed, contextLength } = config;
    return prepareRestoring(config, {
      ...machine,
      parts: {
        title: 'BART',
        kind: 'byte pairs',
        learn: learnBytePairs,
        seqLen: contextLength - AROUND,
        spoil: (tokenizer) => denoising({ tokenizer, padToMultipleOf: PADDING }),
        open: (folder) => BART.fromPretrained(folder),
        create({ vocabSize, bosTokenId = 0, padTokenId = 1, eosTokenId = 2 }) {
          const sizes = { vocabSize, contextLength: paddedContext(contextLength + AROUND), dim, numHeads, numLayers };
          return new BART({ ...sizes, bosTokenId, padTokenId, eosTokenId, dropout }, { seed });
        },
      },
    });
  },
};
