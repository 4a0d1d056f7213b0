import { count, grouped, type OptionSpecs, type OptionValues, trainingConfig, trainingOptions } from '@formers/cli';
import {
  Batches,
  evaluationBatches,
  joinSentences,
  type JoinedSentences,
  type MaskedLanguageBatch,
  maskedLanguageModel,
} from '@formers/data';
import type { Tokenizer } from '@formers/tokenizers';
import type { FoundCheckpoint } from '@formers/training';
import type { Scalar, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';

import { besideBaseline } from '../baseline.ts';
import { folderNameOf } from '../corpus.ts';
import type { Machine, PreparedRun, RunConfig, RunModel } from '../family.ts';
import { guessWords } from '../guess-words.ts';
import type { Learner } from '../learners.ts';
import { meanOf, tallyGuesses } from '../measure.ts';
import { describeCorpus, type Documents, encodeCorpus, type EncodedCorpus, someOf } from '../sentences.ts';
import {
  INIT_OPTIONS,
  initStdOf,
  SIZE_OPTIONS,
  type Sizes,
  sizesOf,
  TEXT_OPTIONS,
  type TextChoice,
  textChoice,
} from '../text-options.ts';
import { tokenizerHash } from '../tokenizers.ts';

/** What trains small models of masked words well. */
const DEFAULTS = { learningRate: 2e-3, beta2: 0.98, weightDecay: 0.01, steps: 1500 } as const;

/** The options of all runs that guess masked words. */
export const MASKED_OPTIONS = {
  ...TEXT_OPTIONS,
  tokenizer: { kind: 'text', help: 'folder or hub name of a tokenizer to take instead of learning one' },
  vocabSize: { kind: 'whole', least: 300, help: 'tokens of the tokenizer that is learnt (default 2048)' },
  wholeWords: { kind: 'flag', help: 'mask words instead of tokens' },
  maskedShare: {
    kind: 'number',
    above: 0,
    below: 1,
    help: 'share of the tokens to guess (default 0.3, which learns faster than the 0.15 of BERT)',
  },
  ...SIZE_OPTIONS,
  ...INIT_OPTIONS,
  numLayers: { ...SIZE_OPTIONS.numLayers, help: 'number of encoder layers' },
  ...trainingOptions(DEFAULTS),
} as const satisfies OptionSpecs;

/** What was given. */
export type GivenMaskedOptions = OptionValues<typeof MASKED_OPTIONS>;

/** A run that guesses masked words. */
export interface MaskedRunConfig extends RunConfig, TextChoice, Sizes {
  tokenizer?: string;
  vocabSize: number;
  wholeWords: boolean;
  /** Of the tokens; more than BERT's 0.15 learns faster (Wettig et al. 2023). */
  maskedShare: number;
  initStd: number;
}

/** Fills in the defaults of a new run. */
export function maskedConfig(
  family: string,
  { given, isSlow }: { given: GivenMaskedOptions } & Machine,
): MaskedRunConfig {
  const { tokenizer, vocabSize = 2048, wholeWords = false, maskedShare = 0.3, initStd } = given;
  const sizes = sizesOf(given, { isSlow, numLayers: 2, batchSize: 32 });
  return {
    family,
    ...textChoice(given),
    ...(tokenizer !== undefined && { tokenizer }),
    vocabSize,
    wholeWords,
    maskedShare,
    ...sizes,
    initStd: initStdOf({ ...sizes, initStd }),
    ...trainingConfig(given, isSlow ? { ...DEFAULTS, steps: 150 } : DEFAULTS),
  };
}

/** Held-out sequences that are evaluated. */
export const EVALUATED: Readonly<Record<'fast' | 'slow', number>> = { fast: 512, slow: 48 };

/** What models are told beside the ids. */
export interface MaskedInputs {
  readonly attentionMask: Tensor2D;
  readonly tokenTypeIds?: Tensor2D;
}

/** A model that guesses masked words. */
export interface WordGuesser extends RunModel {
  call(ids: Tensor2D, options: MaskedInputs): Tensor3D;
  loss(ids: Tensor2D, options: MaskedInputs & { targets: Tensor2D }): Scalar;
}

/** What families that guess masked words differ in. */
export interface MaskedParts<Model extends WordGuesser> {
  /** Of the model, such as `BERT`. */
  readonly title: string;
  /** Kind of the tokenizer, and how it is learnt. */
  readonly kind: string;
  readonly learn: Learner;
  create(tokenizer: Tokenizer): Model;
  open(folder: string): Promise<Model>;
  /** Whether the model knows two kinds of segments. */
  readonly hasSegments: boolean;
}

/** Masked language modelling over full sentences, masked anew each time they come. */
export async function prepareMasked<Model extends WordGuesser>(
  config: MaskedRunConfig,
  { checkpoint, isSlow, parts }: Machine & { checkpoint: FoundCheckpoint | undefined; parts: MaskedParts<Model> },
): Promise<PreparedRun<MaskedLanguageBatch>> {
  const corpus = await encodeCorpus(config, { checkpoint, learn: parts.learn });
  const { tokenizer } = corpus;
  const { contextLength, batchSize, seed, wholeWords, maskedShare: probability } = config;
  const join = (documents: Documents): JoinedSentences[] =>
    joinSentences(documents.flat(), {
      seqLen: contextLength,
      begin: tokenizer.clsTokenId,
      end: tokenizer.sepTokenId,
    });
  const [train, heldOut] = [join(corpus.train), join(corpus.heldOut)];
  const evaluated = someOf(heldOut, EVALUATED[isSlow ? 'slow' : 'fast']);
  const collator = maskedLanguageModel({ tokenizer, wholeWords, probability, padToLength: contextLength });
  const model = checkpoint ? await parts.open(checkpoint.folder) : parts.create(tokenizer);
  const inputsOf = ({ attentionMask, tokenTypeIds }: MaskedLanguageBatch): MaskedInputs =>
    parts.hasSegments ? { attentionMask, tokenTypeIds } : { attentionMask };
  return {
    ...describeMasked(config, {
      corpus,
      parts,
      model,
      learnt: train.length,
      tested: heldOut.length,
      evaluated: evaluated.length,
    }),
    model,
    data: new Batches(train, { collator, batchSize, seed }),
    loss: (batch) => model.loss(batch.ids, { ...inputsOf(batch), targets: batch.targets }),
    evaluate: () =>
      meanOf(evaluationBatches(evaluated, { collator, batchSize }), (batch) => {
        const logits = model.call(batch.ids, inputsOf(batch)); // [batch, seq, vocab]
        const { loss, accuracy } = tallyGuesses(logits, { targets: batch.targets, count: batch.tokens });
        return { loss, masked_accuracy: accuracy };
      }),
    finish: async () => {
      const logitsOf = (ids: Tensor2D, attentionMask: Tensor2D): Tensor3D => model.call(ids, { attentionMask });
      const guesses = await guessWords(someOf(heldOut, 3), { tokenizer, logitsOf });
      return besideBaseline(guesses, { tokenizer, batches: evaluationBatches(evaluated, { collator, batchSize }) });
    },
  };
}

/** What all runs that guess masked words say of themselves. */
export function describeMasked(
  config: MaskedRunConfig,
  {
    corpus,
    parts: { title, kind },
    model,
    ...counts
  }: {
    corpus: EncodedCorpus;
    parts: { readonly title: string; readonly kind: string };
    model: RunModel;
    learnt: number;
    tested: number;
    evaluated: number;
  },
): Pick<PreparedRun, 'name' | 'companion' | 'identity' | 'perBatch' | 'speedUnit' | 'notes' | 'commands'> {
  const { numLayers, numHeads, dim, contextLength, batchSize, family } = config;
  return {
    name: `${family}-${folderNameOf(config)}`,
    companion: corpus.tokenizer,
    identity: { tokenizer: tokenizerHash(corpus.tokenizer) },
    perBatch: { count: batchSize, unit: 'sequences' },
    speedUnit: 'guesses',
    notes: {
      model: `${title}, ${grouped(model.numParameters)} parameters: ${count(numLayers, 'layer')}, ${count(numHeads, 'head')}, ${dim} wide, sequences of ${contextLength} tokens`,
      ...describeCorpus(corpus, { kind, ...counts }),
    },
    commands: ({ out }) => [
      ['fine-tune', `finetune --model ${out} --task text-classification --data <file of texts and labels>`],
    ],
  };
}
