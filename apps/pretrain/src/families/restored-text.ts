import { type OptionSpecs, type OptionValues, trainingConfig, trainingOptions } from '@formers/cli';
import {
  Batches,
  type Collator,
  Draws,
  evaluationBatches,
  joinSentences,
  type JoinedSentences,
  type SequenceToSequenceBatch,
} from '@formers/data';
import type { LanguageModel } from '@formers/generation';
import type { Tokenizer } from '@formers/tokenizers';
import type { FoundCheckpoint } from '@formers/training';

import { besideBaseline } from '../baseline.ts';
import { folderNameOf } from '../corpus.ts';
import type { Machine, PreparedRun, RunConfig } from '../family.ts';
import type { Learner } from '../learners.ts';
import { describeCorpus, type Documents, encodeCorpus, someOf } from '../sentences.ts';
import { SIZE_OPTIONS, type Sizes, sizesOf, TEXT_OPTIONS, type TextChoice, textChoice } from '../text-options.ts';
import { tokenizerHash } from '../tokenizers.ts';
import {
  describeModel,
  EVALUATED,
  evaluateSequences,
  sequenceLoss,
  type SequenceModel,
  writeAnswers,
} from './sequence.ts';

/** What trains small models that restore text well. */
const DEFAULTS = { learningRate: 2e-3, beta2: 0.98, weightDecay: 0.01, steps: 1000 } as const;

/** The options of all runs that restore spoilt text. */
export const RESTORING_OPTIONS = {
  ...TEXT_OPTIONS,
  tokenizer: { kind: 'text', help: 'folder or hub name of a tokenizer to take instead of learning one' },
  vocabSize: { kind: 'whole', least: 300, help: 'tokens of the tokenizer that is learnt (default 2048)' },
  maskedShare: {
    kind: 'number',
    above: 0,
    below: 1,
    help: 'share of the tokens to restore (default 0.3)',
  },
  ...SIZE_OPTIONS,
  ...trainingOptions(DEFAULTS),
} as const satisfies OptionSpecs;

/** What was given. */
export type GivenRestoringOptions = OptionValues<typeof RESTORING_OPTIONS>;

/** A run that restores spoilt text. */
export interface RestoringRunConfig extends RunConfig, TextChoice, Sizes {
  tokenizer?: string;
  vocabSize: number;
  /** Of the tokens; less, such as T5's own 0.15, learns more slowly. */
  maskedShare: number;
}

/** Fills in the defaults of a new run. */
export function restoringConfig(
  family: string,
  {
    given,
    isSlow,
    defaults,
  }: { given: GivenRestoringOptions; defaults: Pick<RestoringRunConfig, 'vocabSize' | 'maskedShare'> } & Machine,
): RestoringRunConfig {
  const { tokenizer, vocabSize, maskedShare } = { ...defaults, ...given };
  return {
    family,
    ...textChoice(given),
    ...(tokenizer !== undefined && { tokenizer }),
    vocabSize,
    maskedShare,
    ...sizesOf(given, { isSlow, numLayers: 2, batchSize: 32 }),
    ...trainingConfig(given, isSlow ? { ...DEFAULTS, steps: 100 } : DEFAULTS),
  };
}

/** What families that restore spoilt text differ in. */
export interface RestoringParts<Model extends SequenceModel & LanguageModel> {
  /** Of the model, such as `T5`. */
  readonly title: string;
  /** Kind of the tokenizer, and how it is learnt. */
  readonly kind: string;
  readonly learn: Learner;
  /** Tokens of the texts that are spoilt, special ones not counted. */
  readonly seqLen: number;
  /** The objective. */
  spoil(tokenizer: Tokenizer): Collator<JoinedSentences, SequenceToSequenceBatch>;
  /** Which tokens of targets are words of the text; default all. */
  isAnswer?(tokenizer: Tokenizer): (id: number) => boolean;
  /** What an answer makes of a spoilt text, both as ids; default the answer itself. */
  restore?(answer: readonly number[], options: { source: readonly number[]; tokenizer: Tokenizer }): string;
  create(tokenizer: Tokenizer): Model;
  open(folder: string): Promise<Model>;
}

/** Text that is spoilt another way each time it comes, and restored. */
export async function prepareRestoring<Model extends SequenceModel & LanguageModel>(
  config: RestoringRunConfig,
  { checkpoint, isSlow, parts }: Machine & { checkpoint: FoundCheckpoint | undefined; parts: RestoringParts<Model> },
): Promise<PreparedRun<SequenceToSequenceBatch>> {
  const corpus = await encodeCorpus(config, { checkpoint, learn: parts.learn });
  const { tokenizer } = corpus;
  const { batchSize, seed } = config;
  const join = (documents: Documents): JoinedSentences[] =>
    joinSentences(documents.flat(), { seqLen: parts.seqLen }).filter(({ ids }) => ids.length > 1);
  const [train, heldOut] = [join(corpus.train), join(corpus.heldOut)];
  const examples = someOf(heldOut, EVALUATED[isSlow ? 'slow' : 'fast']);
  const collator = parts.spoil(tokenizer);
  const isAnswer = parts.isAnswer?.(tokenizer);
  const model = checkpoint ? await parts.open(checkpoint.folder) : parts.create(tokenizer);
  const counts = { learnt: train.length, tested: heldOut.length, evaluated: examples.length };
  return {
    name: `${config.family}-${folderNameOf(config)}`,
    model,
    data: new Batches(train, { collator, batchSize, seed }),
    loss: (batch) => sequenceLoss(model, batch),
    evaluate: () =>
      evaluateSequences(model, {
        ...{ examples, collator, batchSize },
        vocabSize: model.config.vocabSize,
        isAnswer,
      }),
    companion: tokenizer,
    identity: { tokenizer: tokenizerHash(tokenizer) },
    perBatch: { count: batchSize, unit: 'sequences' },
    speedUnit: 'target tokens',
    notes: {
      model: describeModel(parts.title, { model, ...config }),
      ...describeCorpus(corpus, { kind: parts.kind, ...counts }),
    },
    finish: async () => {
      const spoilt = await spoiltPairs(someOf(heldOut, 2), { collator });
      const tell = (answer: readonly number[], source: readonly number[]): string =>
        parts.restore?.(answer, { source, tokenizer }) ?? tokenizer.decode([...answer]);
      const pairs = spoilt.map(({ source, target }) => ({ source, target: tell(target, source) }));
      const maxNewTokens = Math.max(...spoilt.map(({ target }) => target.length)) + 8;
      const answers = await writeAnswers(model, { pairs, tokenizer, tell, maxNewTokens, skipSpecialTokens: false });
      if (!isAnswer) return answers;
      return besideBaseline(answers, {
        tokenizer,
        batches: evaluationBatches(examples, { collator, batchSize }),
        isAnswer,
      });
    },
    commands: ({ out }) => [
      ['fine-tune', `finetune --model ${out} --task seq2seq --data <file of sources and targets>`],
    ],
  };
}

/** Some held-out texts, spoilt. */
async function spoiltPairs(
  examples: readonly JoinedSentences[],
  { collator }: { collator: Collator<JoinedSentences, SequenceToSequenceBatch> },
): Promise<{ source: number[]; target: number[] }[]> {
  return Promise.all(
    examples.map(async (example, first) => {
      using batch = collator.collate([example], new Draws({ seed: 0, step: first, first }));
      const [source, target] = await Promise.all([batch.ids.data(), batch.targets.data()]);
      return { source: [...source], target: [...target].filter((id) => id >= 0) };
    }),
  );
}
