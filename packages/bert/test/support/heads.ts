import type { MultiHeadAttention } from '@formers/attention';
import type { LayerNorm } from '@formers/nn';
import {
  add,
  reshape,
  scalar,
  type Tensor,
  tensor1d,
  type Tensor1D,
  tensor2d,
  type Tensor2D,
  type Tensor3D,
  type Variable,
} from '@tensorflow/tfjs-core';

import { type HeadModel, type HeadSubject, randomIds, randomTensor } from '../../../testing/src/index.ts';
import type {
  BertLayer,
  ClassifierConfig,
  MaskedLanguageModel,
  MultipleChoice,
  QuestionAnswerer,
  SegmentedOptions,
  SequenceClassifier,
  TokenClassifier,
} from '../../src/index.ts';

/** The smallest models that show everything. */
export const TINY = { vocabSize: 41, contextLength: 8, dim: 16, numHeads: 2, numLayers: 1 } as const;

const [batch, seq, choices] = [3, 5, 4];

/** Random tokens, neither BERT's padding (0) nor RoBERTa's (1). */
export function wordsOf(seed: number, shape: readonly number[] = [batch, seq]): Tensor2D {
  return add(randomIds<Tensor2D>(shape, { bound: TINY.vocabSize - 2, seed }), scalar(2, 'int32'));
}

/** Segments of the tokens: the second half is the second one. */
export function segments(): Tensor2D {
  return randomIds<Tensor2D>([batch, seq], { bound: 2, seed: 1 });
}

/** Classes, each at least once. */
function classes(count: number, of: number): Tensor1D {
  return tensor1d(
    Int32Array.from({ length: count }, (_, i) => (2 * i + 1) % of),
    'int32',
  );
}

/** A class of models and how a test makes one. */
interface Life<Model> {
  readonly name: string;
  readonly create: (options: { seed: number; dropout: number; initStd?: number }) => Model;
  readonly load: (files: Map<string, Uint8Array>) => Promise<Model>;
  readonly chance?: number;
  readonly unseen?: RegExp;
  /** Of every call. */
  readonly options?: () => SegmentedOptions;
}

/** A subject of what `use` makes of a model and the seed of a batch. */
export function subjectOf<Model>(
  { create, load, ...life }: Life<Model>,
  use: (model: Model, seed: number) => HeadModel,
): HeadSubject {
  return {
    ...life,
    create: (options) => use(create(options), options.seed),
    load: async (files) => use(await load(files), 1),
  };
}

/** Words: other tokens than those that stand there. */
export function wordHead<Model extends MaskedLanguageModel<object, SegmentedOptions>>(life: Life<Model>): HeadSubject {
  return subjectOf({ chance: Math.log(TINY.vocabSize), ...life }, (model, seed) => {
    const [ids, options, targets] = [wordsOf(seed), life.options?.(), wordsOf(seed + 50)];
    return { model, predict: () => [model.call(ids, options)], loss: () => model.loss(ids, { ...options, targets }) };
  });
}

/** Classes of sequences; `labelsOf` may give numbers or several of them. */
export function sequenceHead<Model extends SequenceClassifier<ClassifierConfig, SegmentedOptions>>(
  life: Life<Model>,
  labelsOf: () => Tensor = () => classes(batch, 3),
): HeadSubject {
  return subjectOf(life, (model, seed) => {
    const [ids, options, labels] = [wordsOf(seed), life.options?.(), labelsOf()];
    return { model, predict: () => [model.call(ids, options)], loss: () => model.loss(ids, { ...options, labels }) };
  });
}

/** A number for each sequence. */
export const numbers = (): Tensor => randomTensor([batch], { seed: 3, std: 2 });

/** Each sequence has some of three classes. */
export const someClasses = (): Tensor => tensor2d([1, 0, 1, 0, 0, 1, 1, 1, 0], [batch, 3]);

/** Classes of tokens. */
export function tokenHead<Model extends TokenClassifier<ClassifierConfig, SegmentedOptions>>(
  life: Life<Model>,
): HeadSubject {
  return subjectOf({ chance: Math.log(3), ...life }, (model, seed) => {
    const [ids, options, labels] = [wordsOf(seed), life.options?.(), reshape(classes(batch * seq, 3), [batch, seq])];
    return {
      model,
      predict: () => [model.call(ids, options)],
      loss: () => model.loss(ids, { ...options, labels: labels as Tensor2D }),
    };
  });
}

/** Answers at the start, in the middle and at the end; the last one is cut off. */
export function answerHead<Model extends QuestionAnswerer<ClassifierConfig, SegmentedOptions>>(
  life: Life<Model>,
): HeadSubject {
  const unseen = /key\.bias$|layers\.0\.norm2\.bias$|head\.bias$/;
  return subjectOf({ chance: Math.log(seq), unseen, ...life }, (model, seed) => {
    const [ids, options] = [wordsOf(seed), life.options?.()];
    const [starts, ends] = [tensor1d([0, 3, 1], 'int32'), tensor1d([2, 4, seq + 5], 'int32')];
    return {
      model,
      predict: () => Object.values(model.call(ids, options)) as Tensor[],
      loss: () => model.loss(ids, { ...options, starts, ends }),
    };
  });
}

/** One of four texts. */
export function choiceHead<Model extends MultipleChoice<{ dim: number; initStd: number }, SegmentedOptions>>(
  life: Life<Model>,
): HeadSubject {
  return subjectOf({ chance: Math.log(choices), unseen: /key\.bias$|head\.bias$/, ...life }, (model, seed) => {
    const [ids, labels] = [wordsOf(seed, [batch, choices, seq]) as Tensor as Tensor3D, classes(batch, choices)];
    return { model, predict: () => [model.call(ids)], loss: () => model.loss(ids, { labels }) };
  });
}

/** What the suite asks of the encoder of a masked language model. */
export const encoderParts = {
  layers: ({ encoder }: { encoder: { layers: BertLayer[] } }): BertLayer[] => encoder.layers,
  attentions: ({ encoder }: { encoder: { layers: BertLayer[] } }): MultiHeadAttention[] =>
    encoder.layers.map(({ attention }) => attention),
  norms: ({ encoder }: { encoder: { layers: BertLayer[] } }): [LayerNorm<Tensor3D>, LayerNorm<Tensor3D>][] =>
    encoder.layers.map(({ norm1, norm2 }) => [norm1, norm2]),
  residualOutputs: ({ encoder }: { encoder: { layers: BertLayer[] } }): Variable[] =>
    encoder.layers.flatMap(({ attention, mlp }) =>
      [attention.output, mlp.output].flatMap(({ weight, bias }): Variable[] => [weight, bias!]),
    ),
};
