import type { OptionSpecs, OptionValues } from '@formers/cli';
import { spanCorruption, spanCorruptionLengths } from '@formers/data';
import { T5 } from '@formers/t5';

import type { Family } from '../family.ts';
import { learnUnigram } from '../learners.ts';
import { prepareRestoring, RESTORING_OPTIONS, restoringConfig, type RestoringRunConfig } from './restored-text.ts';

const OPTIONS = {
  ...RESTORING_OPTIONS,
  embeddingRate: {
    kind: 'number',
    least: 0,
    help: 'learning rate of the embeddings, which begin ten times as large as other weights, as a multiple (default 10)',
  },
} as const satisfies OptionSpecs;

interface T5RunConfig extends RestoringRunConfig {
  /** As Adafactor's rates by the size of weights give it to the original T5 (Raffel et al. 2020, section 3.1.2). */
  embeddingRate: number;
}

/** T5 on text, which learns to say what stood where spans were taken out. */
export const T5_FAMILY: Family<OptionValues<typeof OPTIONS>, T5RunConfig> = {
  name: 't5',
  about: 'Pre-trains a T5 on text, from scratch: spans that were taken out.',
  examples: [
    '--family t5',
    '--family t5 --dataset sotu --steps 4000',
    '--resume checkpoints/t5-moby-dick --steps 4000',
  ],
  options: OPTIONS,
  configure: (given, { isSlow }) => ({
    ...restoringConfig('t5', { given, isSlow }),
    embeddingRate: given.embeddingRate ?? 10,
  }),
  earlier: { maskedShare: 0.15, embeddingRate: 1 },
  async prepare(config, machine) {
    const { dim, numHeads, numLayers, dropout, seed, contextLength, maskedShare: noiseDensity } = config;
    const run = await prepareRestoring(config, {
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
    const { embeddingRate: learningRateFactor } = config;
    return { ...run, groups: [{ match: /(^|\.)tokens\.weight$/, learningRateFactor }] };
  },
};
