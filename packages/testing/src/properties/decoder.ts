import type { AttentionMask, KVCache } from '@formers/attention';
import { capture } from '@formers/backend';
import type { AnyModule, PretrainedModel } from '@formers/nn';
import { dispose, type Scalar, type Tensor2D, type Tensor3D, type Variable } from '@tensorflow/tfjs-core';

/** What a decoder-only language model may be told. */
export interface DecoderCallOptions {
  attentionMask?: AttentionMask | undefined;
  positionIds?: Tensor2D | undefined;
  cache?: KVCache | undefined;
}

/** A decoder-only language model. */
export type Decoder = PretrainedModel<
  [ids: Tensor2D, options?: DecoderCallOptions & { lastOnly?: boolean }],
  Tensor3D,
  { vocabSize: number; contextLength: number }
> & {
  loss(ids: Tensor2D, options: DecoderCallOptions & { targets: Tensor2D }): Scalar;
};

/** How a test's decoder may differ from the smallest one. */
export interface DecoderOptions {
  seed: number;
  dropout?: number;
  numLayers?: number;
  /** Standard deviation of the first weights; default the architecture's. Larger ones make every part of the model show. */
  initStd?: number;
}

/** What the property suite has to know of an architecture. */
export interface DecoderSubject<Model extends Decoder = Decoder> {
  readonly name: string;
  /** A model of milliseconds, with at least 2 layers, 16 positions and 40 tokens. */
  readonly create: (options: DecoderOptions) => Model;
  readonly load: (files: Map<string, Uint8Array>) => Promise<Model>;
  /** The token embedding, [vocab, dim]. */
  readonly tokens: (model: Model) => Variable;
  /** The layers, in an array of the model's own whose items can be replaced. */
  readonly layers: (model: Model) => AnyModule[];
  /** The weights and biases of what is added to the residual stream. */
  readonly residualOutputs: (model: Model) => readonly Variable[];
  /** Where the layers normalise: before each part, or after it is added; default before. */
  readonly norm?: 'pre' | 'post';
  /** How many tokens up to its own a query of a layer sees; default all. Over two layers it must be all. */
  readonly window?: (layer: number) => number;
}

/** The hidden states of the last layer, after the final norm: [batch, seq, dim]. */
export function lastHiddenState(model: Decoder, ids: Tensor2D, options: DecoderCallOptions = {}): Tensor3D {
  const { value, hiddenStates } = capture(() => model.call(ids, options), ['hiddenStates']);
  const last = hiddenStates.pop() as Tensor3D;
  dispose([value, ...hiddenStates]);
  return last;
}
