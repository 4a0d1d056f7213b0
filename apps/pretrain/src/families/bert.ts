import { BertForMaskedLM, BertForPreTraining, type BertOptions, type BertPreTrainingLogits } from '@formers/bert';
import type { OptionSpecs, OptionValues } from '@formers/cli';
import {
  Batches,
  bertPreTraining,
  type BertPreTrainingBatch,
  evaluationBatches,
  nextSentencePairs,
  type SentencePair,
} from '@formers/data';
import type { Tokenizer } from '@formers/tokenizers';
import type { FoundCheckpoint } from '@formers/training';

import type { Family, Machine, PreparedRun } from '../family.ts';
import { besideBaseline } from '../baseline.ts';
import { guessWords } from '../guess-words.ts';
import { learnWordPiece } from '../learners.ts';
import { meanOf, tallyGuesses } from '../measure.ts';
import { type Documents, encodeCorpus, someOf } from '../sentences.ts';
import {
  describeMasked,
  EVALUATED,
  MASKED_OPTIONS,
  maskedConfig,
  type MaskedRunConfig,
  prepareMasked,
} from './masked-language.ts';

const OPTIONS = {
  objective: {
    kind: 'text',
    among: ['mlm+nsp', 'mlm'],
    help: 'masked words and next sentences, or masked words alone (default mlm+nsp)',
  },
  ...MASKED_OPTIONS,
} as const satisfies OptionSpecs;

interface BertRunConfig extends MaskedRunConfig {
  objective: string;
}

/** Tokens that pairs of sentences are made of, some times over for small texts. */
const PAIRED_TOKENS = 2_000_000;

/** BERT on text, which learns to guess masked words and whether sentences belong together. */
export const BERT_FAMILY: Family<OptionValues<typeof OPTIONS>, BertRunConfig> = {
  name: 'bert',
  about: 'Pre-trains a BERT on text, from scratch: masked words and next sentences.',
  examples: [
    '--family bert',
    '--family bert --objective mlm --dataset moby-dick+sotu --steps 4000',
    "--family bert --text 'books/*.txt' --vocab-size 8000 --dim 256 --context-length 128",
    '--resume checkpoints/bert-moby-dick --steps 4000',
  ],
  options: OPTIONS,
  configure: (given, { isSlow }) => ({
    objective: given.objective ?? 'mlm+nsp',
    ...maskedConfig('bert', { given, isSlow }),
  }),
  prepare: (config, machine) =>
    config.objective === 'mlm'
      ? prepareMasked(config, { ...machine, parts: partsOf(config) })
      : preparePairs(config, machine),
};

function partsOf(config: BertRunConfig): Parameters<typeof prepareMasked<BertForMaskedLM>>[1]['parts'] {
  return {
    title: 'BERT',
    kind: 'WordPiece',
    learn: learnWordPiece,
    hasSegments: true,
    create: (tokenizer) => new BertForMaskedLM(modelOptions(config, tokenizer), { seed: config.seed }),
    open: (folder) => BertForMaskedLM.fromPretrained(folder),
  };
}

function modelOptions(
  { contextLength, dim, numHeads, numLayers, dropout, initStd }: BertRunConfig,
  { vocabSize, padTokenId }: Tokenizer,
): BertOptions {
  const sizes = { vocabSize, contextLength, dim, numHeads, numLayers };
  return { ...sizes, initStd, padTokenId, dropout, attentionDropout: dropout };
}

async function preparePairs(
  config: BertRunConfig,
  { checkpoint, isSlow }: Machine & { checkpoint: FoundCheckpoint | undefined },
): Promise<PreparedRun<BertPreTrainingBatch>> {
  const corpus = await encodeCorpus(config, { checkpoint, learn: learnWordPiece });
  const { tokenizer } = corpus;
  const { contextLength: seqLen, batchSize, seed, wholeWords, maskedShare: probability } = config;
  const train = nextSentencePairs(corpus.train, { tokenizer, seqLen, seed, passes: passesOf(corpus.train) });
  const heldOut = heldOutPairs(corpus.heldOut, { tokenizer, seqLen });
  const evaluated = someOf(heldOut, EVALUATED[isSlow ? 'slow' : 'fast']);
  const collator = bertPreTraining({ tokenizer, wholeWords, probability, padToLength: seqLen });
  const model = checkpoint
    ? await BertForPreTraining.fromPretrained(checkpoint.folder)
    : new BertForPreTraining(modelOptions(config, tokenizer), { seed });
  const guess = ({ ids, attentionMask, tokenTypeIds }: BertPreTrainingBatch): BertPreTrainingLogits =>
    model.call(ids, { attentionMask, tokenTypeIds });
  const counts = { learnt: train.length, tested: heldOut.length, evaluated: evaluated.length };
  return {
    ...describeMasked(config, { corpus, parts: { title: 'BERT', kind: 'WordPiece' }, model, ...counts }),
    model,
    data: new Batches(train, { collator, batchSize, seed }),
    loss: ({ ids, attentionMask, tokenTypeIds, targets, nextSentenceLabels: labels }) =>
      model.loss(ids, { attentionMask, tokenTypeIds, targets, labels }),
    evaluate: async () => {
      const means = await meanOf(evaluationBatches(evaluated, { collator, batchSize }), (batch) => {
        const { wordLogits, nextSentenceLogits } = guess(batch);
        const words = tallyGuesses(wordLogits, { targets: batch.targets, count: batch.tokens });
        const labels = batch.nextSentenceLabels;
        const next = tallyGuesses(nextSentenceLogits, { targets: labels, count: labels.size });
        return {
          ...{ masked_loss: words.loss, masked_accuracy: words.accuracy },
          ...{ next_sentence_loss: next.loss, next_sentence_accuracy: next.accuracy },
        };
      });
      return { loss: (means['masked_loss'] ?? 0) + (means['next_sentence_loss'] ?? 0), ...means };
    },
    finish: async () => {
      const guesses = await guessWords(someOf(heldOut, 3), {
        tokenizer,
        logitsOf: (ids, attentionMask) => model.call(ids, { attentionMask }).wordLogits,
      });
      return besideBaseline(guesses, { tokenizer, batches: evaluationBatches(evaluated, { collator, batchSize }) });
    },
  };
}

/** Small texts are gone through more often, for other pairs each time. */
function passesOf(documents: Documents): number {
  const tokens = documents.flat().reduce((sum, { ids }) => sum + ids.length, 0);
  return Math.min(10, Math.max(1, Math.round(PAIRED_TOKENS / tokens)));
}

/** The same pairs for everybody. */
function heldOutPairs(documents: Documents, options: { tokenizer: Tokenizer; seqLen: number }): SentencePair[] {
  return nextSentencePairs(documents, { ...options, seed: 0 });
}
