import type { MultiHeadAttention } from '@formers/attention';
import type { LayerNorm } from '@formers/nn';
import { add, reshape, type Tensor, tensor1d, type Tensor1D, tensor2d, type Tensor2D, type Tensor3D, type Variable } from '@tensorflow/tfjs-core';

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

const [batch, seq, choices] = [3, 8, 4];

/** Random tokens, neither BERT's padding (0) nor RoBERTa's (1). */
export function wordsOf(seed: number, shape: readonly number[] = [batch, seq]): Tensor2D {
  return add(randomIds<Tensor2D>(shape, { bound: TINY.vocabSize - 2, seed }), 2);
}

/** Segments of the tokens: the second half is the second one. */
export function segments(): Tensor2D {
  return randomIds<Tensor2D>([batch, seq], { bound: 2, seed: 1 });
}

/** Classes, each at least once. */
function classes(count: number, of: number): Tensor1D {
  return tensor1d(Int32Array.from({ length: count }, (_, i) => (2 * i + 1) % of), 'int32');
}

type Options = { seed: number; dropout: number; initStd?: number };

/** A class of models and how a test makes one. */
interface Life<Model> {
  readonly name: string;
  readonly create: (options: Options) => Model;
  readonly load: (files: Map<string, Uint8Array>) => Promise<Model>;
  readonly chance?: number;
  /** Whether it has segments. */
  readonly options?: () => SegmentedOptions;
}

/** A subject of what `use` makes of a model. */
export function subjectOf<Model>({ create, load, ...life }: Life<Model>, use: (model: Model) => HeadModel): HeadSubject {
  return { ...life, create: (options) => use(create(options)), load: async (files) => use(await load(files)) };
}

/** Masked words: other tokens than those that stand there. */
export function wordHead<Model extends MaskedLanguageModel<object, SegmentedOptions>>(life: Life<Model>): HeadSubject {
  return subjectOf({ chance: Math.log(TINY.vocabSize), ...life }, (model) => ({
    model,
    predict: () => [model.call(wordsOf(1), life.options?.())],
    loss: (seed) => model.loss(wordsOf(seed), { ...life.options?.(), targets: wordsOf(seed + 50) }),
  }));
}

/** Classes of sequences; `labels` may be numbers or several of them. */
export function sequenceHead<Model extends SequenceClassifier<ClassifierConfig, SegmentedOptions>>(
  life: Life<Model>,
  labels: () => Tensor = () => classes(batch, 3),
): HeadSubject {
  return subjectOf(life, (model) => ({
    model,
    predict: () => [model.call(wordsOf(1), life.options?.())],
    loss: (seed) => model.loss(wordsOf(seed), { ...life.options?.(), labels: labels() }),
  }));
}

/** A number for each sequence. */
export const numbers = (): Tensor => randomTensor([batch], { seed: 3, std: 2 });

/** Each sequence has some of three classes. */
export const someClasses = (): Tensor => tensor2d([1, 0, 1, 0, 0, 1, 1, 1, 0], [batch, 3]);

/** Classes of tokens. */
export function tokenHead<Model extends TokenClassifier<ClassifierConfig, SegmentedOptions>>(
  life: Life<Model>,
): HeadSubject {
  return subjectOf({ chance: Math.log(3), ...life }, (model) => ({
    model,
    predict: () => [model.call(wordsOf(1), life.options?.())],
    loss: (seed) =>
      model.loss(wordsOf(seed), {
        ...life.options?.(),
        labels: reshape(classes(batch * seq, 3), [batch, seq]),
      }),
  }));
}

/** Answers at the start, in the middle and at the end; the last one is cut off. */
export function answerHead<Model extends QuestionAnswerer<ClassifierConfig, SegmentedOptions>>(
  life: Life<Model>,
): HeadSubject {
  return subjectOf({ chance: Math.log(seq), ...life }, (model) => ({
    model,
    predict: () => Object.values(model.call(wordsOf(1), life.options?.())) as Tensor[],
    loss: (seed) =>
      model.loss(wordsOf(seed), {
        ...life.options?.(),
        starts: tensor1d([0, 3, 6], 'int32'),
        ends: tensor1d([2, 4, seq + 5], 'int32'),
      }),
  }));
}

/** One of four texts. */
export function choiceHead<Model extends MultipleChoice<{ dim: number; initStd: number }, SegmentedOptions>>(
  life: Life<Model>,
): HeadSubject {
  const texts = (seed: number): Tensor3D => wordsOf(seed, [batch, choices, seq]) as Tensor as Tensor3D;
  return subjectOf({ chance: Math.log(choices), ...life }, (model) => ({
    model,
    predict: () => [model.call(texts(1))],
    loss: (seed) => model.loss(texts(seed), { labels: classes(batch, choices) }),
  }));
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
