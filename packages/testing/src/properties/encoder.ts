import type { MultiHeadAttention } from '@formers/attention';
import { capture } from '@formers/backend';
import type { AnyModule, LayerNorm, PretrainedModel } from '@formers/nn';
import {
  clone,
  concat,
  dispose,
  range,
  reshape,
  type Scalar,
  type Tensor,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  type Tensor4D,
  tile,
  type Variable,
} from '@tensorflow/tfjs-core';

import { randomIds } from '../random-tensor.ts';

/** What an encoder may be told. */
export interface EncoderCallOptions {
  attentionMask?: Tensor2D | Tensor3D | Tensor4D | undefined;
  positionIds?: Tensor2D | undefined;
}

/** An encoder that fills in masked words. */
export type Encoder = PretrainedModel<
  [ids: Tensor2D, options?: EncoderCallOptions],
  Tensor3D,
  { vocabSize: number; contextLength: number; padTokenId: number | undefined }
> & {
  loss(ids: Tensor2D, options: EncoderCallOptions & { targets: Tensor2D }): Scalar;
};

/** How a test's encoder may differ from the smallest one. */
export interface EncoderOptions {
  seed: number;
  dropout?: number;
  numLayers?: number;
  /** Standard deviation of the first weights; default the architecture's. Larger ones make every part of the model show. */
  initStd?: number;
  tieEmbeddings?: boolean;
}

/** A model with one of the family's heads, and a batch that it can learn by heart. */
export interface HeadModel {
  readonly model: PretrainedModel<never, unknown, object>;
  /** All that the model predicts from the batch. */
  readonly predict: () => Tensor[];
  readonly loss: () => Scalar;
}

/** One of the family's heads. */
export interface HeadSubject {
  readonly name: string;
  /** A model of milliseconds; `dropout` is that of all its parts. The batch is the same for the same seed. */
  readonly create: (options: { seed: number; dropout: number; initStd?: number }) => HeadModel;
  /** With the batch of seed 1. */
  readonly load: (files: Map<string, Uint8Array>) => Promise<HeadModel>;
  /** What the loss is before training, where that is known: ln(classes). */
  readonly chance?: number;
  /** Parameters that softmax does not see, as they add the same to all choices. */
  readonly unseen?: RegExp;
}

/** What the property suite has to know of an architecture with post-norm layers. */
export interface EncoderSubject<Model extends Encoder = Encoder> {
  readonly name: string;
  /** A masked language model of milliseconds, with at least 2 layers, 2 heads, 16 positions and 40 tokens. */
  readonly create: (options: EncoderOptions) => Model;
  readonly load: (files: Map<string, Uint8Array>) => Promise<Model>;
  /** The token embedding, [vocab, dim]. */
  readonly tokens: (model: Model) => Variable;
  /** The table of positions, and the row that the first token has. */
  readonly positions: (model: Model) => { table: Variable; first: number };
  /** The bias of the output projection, [vocab]. */
  readonly outputBias: (model: Model) => Variable;
  /** The layers, in an array of the model's own whose items can be replaced. */
  readonly layers: (model: Model) => AnyModule[];
  /** The attention of each layer. */
  readonly attentions: (model: Model) => readonly MultiHeadAttention[];
  /** The norms of each layer: after attention, after the feed-forward network. */
  readonly norms: (model: Model) => readonly (readonly [LayerNorm<Tensor3D>, LayerNorm<Tensor3D>])[];
  /** The weights and biases of what is added to the residual stream. */
  readonly residualOutputs: (model: Model) => readonly Variable[];
  readonly heads: readonly HeadSubject[];
}

/** The hidden states of the last layer: [batch, seq, dim]. */
export function lastStateOf(model: Encoder, ids: Tensor2D, options: EncoderCallOptions = {}): Tensor3D {
  const { value, hiddenStates } = capture(() => model.call(ids, options), ['hiddenStates']);
  const last = clone(hiddenStates.at(-1) as Tensor3D); // of the caller's scope, as what was captured isn't
  dispose([value, ...hiddenStates]);
  return last;
}

/** Random tokens, none of which is padding. */
export function tokensFor({ config }: Encoder, { batch = 2, seq = 9, seed = 0 } = {}): Tensor2D {
  const { vocabSize, padTokenId = -1 } = config;
  const ids = randomIds([batch, seq], { bound: vocabSize - padTokenId - 1, seed });
  return tensor2d(
    [...ids.dataSync()].map((id) => id + padTokenId + 1),
    [batch, seq],
    'int32',
  );
}

/** Tokens with some of them masked (by the last token of the vocabulary), and what they were. The first row's first token is always masked. */
export function maskedWords(
  model: Encoder,
  { batch = 3, seq = 8, seed = 0 } = {},
): { ids: Tensor2D; targets: Tensor2D } {
  const mask = model.config.vocabSize - 1;
  const words = [...tokensFor(model, { batch, seq, seed }).dataSync()].map((id) => Math.min(id, mask - 1));
  const isMasked = (i: number): boolean => i % 4 === Math.floor(i / seq) % 4;
  const of = (values: number[]): Tensor2D => tensor2d(values, [batch, seq], 'int32');
  return {
    ids: of(words.map((id, i) => (isMasked(i) ? mask : id))),
    targets: of(words.map((id, i) => (isMasked(i) ? id : -100))),
  };
}

/** Ids with padding beside them, and the mask and positions that go with them. */
export function padded(
  ids: Tensor2D,
  { id, left = 0, right = 0, first = 0 }: { id: number; left?: number; right?: number; first?: number },
): { ids: Tensor2D; options: { attentionMask: Tensor2D; positionIds: Tensor2D } } {
  const [batch, seq] = ids.shape;
  const fill = (value: number, count: number): Tensor2D =>
    tensor2d(new Array<number>(batch * count).fill(value), [batch, count], 'int32');
  const places = tile(reshape(range(first, first + seq, 1, 'int32'), [1, seq]), [batch, 1]) as Tensor2D;
  const beside = (inner: Tensor2D, value: number): Tensor2D =>
    concat(
      [left, -1, right].flatMap((count) => (count === -1 ? [inner] : count > 0 ? [fill(value, count)] : [])),
      1,
    );
  return {
    ids: beside(ids, id),
    options: { attentionMask: beside(fill(1, seq), 0), positionIds: beside(places, first) },
  };
}
