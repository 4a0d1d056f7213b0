import type { OptionSpecs, OptionValues } from '@formers/cli';
import { spanCorruption, spanCorruptionLengths } from '@formers/data';
import { T5 } from '@formers/t5';
import type { Tokenizer } from '@formers/tokenizers';

import type { Family } from '../family.ts';
import { learnUnigram } from '../learners.ts';
import { prepareRestoring, RESTORING_OPTIONS, restoringConfig, type RestoringRunConfig } from './restored-text.ts';

/**
 * What a small T5 learns most from within minutes: half of the text, in pieces that are mostly letters; T5's own 15 % of 32,000 kinds of tokens ask too little of
 * it in that time.
 */
const DEFAULTS = { vocabSize: 300, maskedShare: 0.5, spanLength: 5, positionRate: 60, embeddingRate: 1 } as const;

const OPTIONS = {
  ...RESTORING_OPTIONS,
  vocabSize: {
    ...RESTORING_OPTIONS.vocabSize,
    help: `tokens of the tokenizer that is learnt, 100 sentinels among them (default ${DEFAULTS.vocabSize})`,
  },
  maskedShare: {
    ...RESTORING_OPTIONS.maskedShare,
    help: `share of the tokens to restore (default ${DEFAULTS.maskedShare}; of the original 0.15)`,
  },
  spanLength: {
    kind: 'number',
    least: 1,
    help: `mean length of what is taken out, in tokens (default ${DEFAULTS.spanLength}; of the original 3)`,
  },
  positionRate: {
    kind: 'number',
    least: 0,
    help: `learning rate of the biases of relative positions, as a multiple of that of other weights (default ${DEFAULTS.positionRate})`,
  },
  embeddingRate: {
    kind: 'number',
    least: 0,
    help: `learning rate of the embeddings, as a multiple of that of other weights (default ${DEFAULTS.embeddingRate})`,
  },
} as const satisfies OptionSpecs;

interface T5RunConfig extends RestoringRunConfig {
  /** In the mean, in tokens. */
  spanLength: number;
  /**
   * Each bias is one number that moves by the rate at most in a step, from nearly 0 to some nats before heads look at a neighbour: at the rate of other weights that
   * takes longer than the whole run.
   */
  positionRate: number;
  embeddingRate: number;
}

/** T5 v1.1: gates, and an output projection of its own, which learns faster from nothing than one that is tied to embeddings as large as T5's. */
const VERSION = { gated: true, activation: 'geluTanh', tieEmbeddings: false } as const;

/** T5 on text, which learns to say what stood where spans were taken out. */
export const T5_FAMILY: Family<OptionValues<typeof OPTIONS>, T5RunConfig> = {
  name: 't5',
  about: 'Pre-trains a T5 on text, from scratch: spans that were taken out.',
  examples: [
    '--family t5',
    '--family t5 --dataset sotu --steps 4000',
    '--family t5 --vocab-size 8000 --masked-share 0.15 --span-length 3 --dim 256 --steps 20000',
    '--resume checkpoints/t5-moby-dick --steps 4000',
  ],
  options: OPTIONS,
  configure: (given, { isSlow }) => ({
    ...restoringConfig('t5', { given, isSlow, defaults: DEFAULTS }),
    spanLength: given.spanLength ?? DEFAULTS.spanLength,
    positionRate: given.positionRate ?? DEFAULTS.positionRate,
    embeddingRate: given.embeddingRate ?? DEFAULTS.embeddingRate,
  }),
  earlier: { maskedShare: 0.15, spanLength: 3, positionRate: 1, embeddingRate: 1 },
  async prepare(config, machine) {
    const { dim, numHeads, numLayers, dropout, seed, contextLength, maskedShare, spanLength } = config;
    const spans = { noiseDensity: maskedShare, meanSpanLength: spanLength };
    const run = await prepareRestoring(config, {
      ...machine,
      parts: {
        title: 'T5',
        kind: 'unigrams',
        learn: learnUnigram,
        seqLen: spanCorruptionLengths(contextLength, spans).tokens,
        spoil: (tokenizer) => spanCorruption({ tokenizer, ...spans, padToLength: contextLength }),
        isAnswer: (tokenizer) => (id) =>
          id !== tokenizer.eosTokenId && id !== tokenizer.padTokenId && !isSentinel(id, tokenizer),
        restore: fillSpans,
        open: (folder) => T5.fromPretrained(folder),
        create({ vocabSize, padTokenId = 0, eosTokenId = 1 }) {
          const hiddenDim = Math.round((8 * dim) / 3); // as many weights as four times the width without gates
          const sizes = { vocabSize, dim, hiddenDim, numHeads, numLayers, dropout };
          return new T5({ ...sizes, ...VERSION, padTokenId, eosTokenId }, { seed });
        },
      },
    });
    const groups = [
      { match: /(^|\.)positions\.weight$/, learningRateFactor: config.positionRate, weightDecay: 0 },
      { match: /(^|\.)tokens\.weight$/, learningRateFactor: config.embeddingRate },
    ];
    return { ...run, groups };
  },
};

function isSentinel(id: number, tokenizer: Tokenizer): boolean {
  return /^<extra_id_\d+>$/.test(tokenizer.idToToken(id) ?? '');
}

/** The text with the spans of an answer put in, in brackets; empty ones where the answer says nothing. */
export function fillSpans(
  answer: readonly number[],
  { source, tokenizer }: { source: readonly number[]; tokenizer: Tokenizer },
): string {
  const spans = new Map<number, number[]>();
  let span: number[] = []; // what comes before the first sentinel belongs nowhere
  for (const id of answer) {
    if (id === tokenizer.eosTokenId) break;
    if (!isSentinel(id, tokenizer)) span.push(id);
    else if (!spans.has(id)) spans.set(id, (span = []));
    else span = []; // said again
  }
  const filled = source.flatMap((id) => (isSentinel(id, tokenizer) ? [id, ...(spans.get(id) ?? []), id] : [id]));
  const text = tokenizer.decode(filled.filter((id) => id !== tokenizer.eosTokenId && id !== tokenizer.padTokenId));
  return text.replaceAll(/(<extra_id_\d+>)(.*?)\1/gs, '[$2]');
}
