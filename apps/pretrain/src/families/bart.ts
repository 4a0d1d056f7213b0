import { BART } from '@formers/bart';
import type { OptionSpecs, OptionValues } from '@formers/cli';
import { denoising } from '@formers/data';

import type { Family } from '../family.ts';
import { learnBytePairs } from '../learners.ts';
import { INIT_OPTIONS, initStdOf } from '../text-options.ts';
import { prepareRestoring, RESTORING_OPTIONS, restoringConfig, type RestoringRunConfig } from './restored-text.ts';
import { PADDING, paddedContext } from './sequence.ts';

/** `<s>` and `</s>`. */
const AROUND = 2;

const OPTIONS = { ...RESTORING_OPTIONS, ...INIT_OPTIONS } as const satisfies OptionSpecs;

type GivenBartOptions = OptionValues<typeof OPTIONS>;

interface BartRunConfig extends RestoringRunConfig {
  initStd: number;
}

/** BART on text, which learns to restore spoilt text. */
export const BART_FAMILY: Family<GivenBartOptions, BartRunConfig> = {
  name: 'bart',
  about: 'Pre-trains a BART on text, from scratch: sentences out of order, and spans that are masked.',
  examples: [
    '--family bart',
    '--family bart --dataset sotu --steps 4000',
    '--resume checkpoints/bart-moby-dick --steps 4000',
  ],
  options: OPTIONS,
  configure(given, { isSlow }) {
    const config = restoringConfig('bart', { given, isSlow, defaults: { vocabSize: 2048, maskedShare: 0.3 } });
    return { ...config, initStd: initStdOf({ ...config, initStd: given.initStd }) };
  },
  earlier: { maskedShare: 0.3, initStd: 0.02 },
  prepare(config, machine) {
    const { dim, numHeads, numLayers, dropout, seed, contextLength, maskedShare: infillShare, initStd } = config;
    return prepareRestoring(config, {
      ...machine,
      parts: {
        title: 'BART',
        kind: 'byte pairs',
        learn: learnBytePairs,
        seqLen: contextLength - AROUND,
        spoil: (tokenizer) => denoising({ tokenizer, infillShare, padToMultipleOf: PADDING }),
        open: (folder) => BART.fromPretrained(folder),
        create({ vocabSize, bosTokenId = 0, padTokenId = 1, eosTokenId = 2 }) {
          const sizes = {
            vocabSize,
            contextLength: paddedContext(contextLength + AROUND),
            dim,
            numHeads,
            numLayers,
            initStd,
          };
          return new BART({ ...sizes, bosTokenId, padTokenId, eosTokenId, dropout }, { seed });
        },
      },
    });
  },
};
