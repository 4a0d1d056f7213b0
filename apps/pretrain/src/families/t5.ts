import { spanCorruption, spanCorruptionLengths } from '@formers/data';
import { T5 } from '@formers/t5';

import type { Family } from '../family.ts';
import { learnUnigram } from '../learners.ts';
import {
  type GivenRestoringOptions,
  prepareRestoring,
  RESTORING_OPTIONS,
  restoringConfig,
  type RestoringRunConfig,
} from './restored-text.ts';

/** T5 on text, which learns to say what stood where spans were taken out. */
export const T5_FAMILY: Family<GivenRestoringOptions, RestoringRunConfig> = {
  name: 't5',
  about: 'Pre-trains a T5 on text, from scratch: spans that were taken out.',
  examples: [
    '--family t5',
    '--family t5 --dataset sotu --steps 4000',
    '--resume checkpoints/t5-moby-dick --steps 4000',
  ],
  options: RESTORING_OPTIONS,
  configure: (given, { isSlow }) => restoringConfig('t5', { given, isSlow }),
  earlier: { maskedShare: 0.15 },
  prepare(config, machine) {
    const { dim, numHeads, numLayers, dropout, seed, contextLength, maskedShare: noiseDensity } = config;
    return prepareRestoring(config, {
      ...machine,
      parts: {
        title: 'T5',
        kind: 'unigrams',
        learn: learnUnigram,
        seqLen: spanCorruptionLengths(contextLength, { noiseDensity }).tokens,
        spoil: (tokenizer) => spanCorruption({ tokenizer, noiseDensity, padToLength: contextLength }),
        isAnswer: (tokenizer) => {
          const isSentinel = (id: number): boolean => /^<extra_id_\d+>$/.test(tokenizer.idToToken(id) ?? '');
          return (id) => id !== tokenizer.eosTokenId && id !== tokenizer.padTokenId && !isSentinel(id);
        },
        open: (folder) => T5.fromPretrained(folder),
        create: ({ vocabSize, padTokenId = 0, eosTokenId = 1 }) =>
          new T5({ vocabSize, dim, numHeads, numLayers, dropout, padTokenId, eosTokenId }, { seed }),
      },
    });
  },
};
