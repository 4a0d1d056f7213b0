import { RobertaForMaskedLM } from '@formers/bert';

import type { Family } from '../family.ts';
import { learnBytePairs } from '../learners.ts';
import {
  type GivenMaskedOptions,
  MASKED_OPTIONS,
  maskedConfig,
  type MaskedRunConfig,
  prepareMasked,
} from './masked-language.ts';

/** RoBERTa on text, which learns to guess masked words. */
export const ROBERTA_FAMILY: Family<GivenMaskedOptions, MaskedRunConfig> = {
  name: 'roberta',
  about: 'Pre-trains a RoBERTa on text, from scratch: words of full sentences, masked anew each time.',
  examples: [
    '--family roberta',
    '--family roberta --dataset moby-dick+sotu --steps 4000',
    '--resume checkpoints/roberta-moby-dick --steps 4000',
  ],
  options: MASKED_OPTIONS,
  configure: (given, { isSlow }) => maskedConfig('roberta', { given, isSlow }),
  prepare(config, machine) {
    const { contextLength, dim, numHeads, numLayers, dropout, initStd, seed } = config;
    return prepareMasked(config, {
      ...machine,
      parts: {
        title: 'RoBERTa',
        kind: 'byte pairs',
        learn: learnBytePairs,
        hasSegments: false,
        open: (folder) => RobertaForMaskedLM.fromPretrained(folder),
        create({ vocabSize, padTokenId = 1, bosTokenId, eosTokenId }) {
          const sizes = { vocabSize, contextLength, dim, numHeads, numLayers, initStd };
          const tokens = { padTokenId, bosTokenId, eosTokenId };
          return new RobertaForMaskedLM({ ...sizes, ...tokens, dropout, attentionDropout: dropout }, { seed });
        },
      },
    });
  },
};
