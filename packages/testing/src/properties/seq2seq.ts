import type { EncoderDecoderCache } from '@formers/attention';
import { capture } from '@formers/backend';
import { type AnyModule, type PretrainedModel, shiftRight } from '@formers/nn';
import { dispose, type Scalar, type Tensor2D, tensor2d, type Tensor3D, type Variable } from '@tensorflow/tfjs-core';

import { valuesOf } from '../close.ts';
import { randomIds } from '../random-tensor.ts';

/** What a whole pass of an encoder-decoder is told besides the source. */
export interface EncoderDecoderCallOptions {
  decoderIds: Tensor2D;
  attentionMask?: Tensor2D | undefined;
  decoderAttentionMask?: Tensor2D | undefined;
}

/** What its decoder is told besides the target. */
export interface DecodeOptions {
  encoded: Tensor3D;
  attentionMask?: Tensor2D | undefined;
  decoderAttentionMask?: Tensor2D | undefined;
  cache?: EncoderDecoderCache | undefined;
  lastOnly?: boolean;
}

/** What its loss is told besides the source. */
export interface EncoderDecoderLossOptions extends Partial<EncoderDecoderCallOptions> {
  targets: Tensor2D;
  labelSmoothing?: number;
}

/** An encoder-decoder language model. */
export type EncoderDecoder = PretrainedModel<
  [ids: Tensor2D, options: EncoderDecoderCallOptions],
  Tensor3D,
  { vocabSize: number; contextLength: number; decoderStartTokenId: number; padTokenId: number }
> & {
  encode(ids: Tensor2D, options?: { attentionMask?: Tensor2D | undefined }): Tensor3D;
  decode(decoderIds: Tensor2D, options: DecodeOptions): Tensor3D;
  loss(ids: Tensor2D, options: EncoderDecoderLossOptions): Scalar;
};

/** How a test's encoder-decoder may differ from the smallest one. */
export interface EncoderDecoderOptions {
  seed: number;
  dropout?: number;
  /** Of the encoder and of the decoder. */
  numLayers?: number;
  /** Standard deviation of the first weights; default the architecture's. Larger ones make every part of the model show; architectures whose own are large may ignore it. */
  initStd?: number;
  /** Whether activations have to be without kinks, as finite differences need them; default as the architecture has them. */
  smooth?: boolean;
}

/** What the property suite has to know of an architecture. */
export interface EncoderDecoderSubject<Model extends EncoderDecoder = EncoderDecoder> {
  readonly name: string;
  /** A model of milliseconds, with at least 2 layers on each side, 12 positions and 60 tokens. */
  readonly create: (options: EncoderDecoderOptions) => Model;
  readonly load: (files: Map<string, Uint8Array>) => Promise<Model>;
  /** The token embeddings that encoder and decoder read, each [vocab, dim]; one variable where they are shared. */
  readonly encoderTokens: (model: Model) => Variable;
  readonly decoderTokens: (model: Model) => Variable;
  /** The layers, in arrays of the model's own whose items can be replaced. */
  readonly encoderLayers: (model: Model) => AnyModule[];
  readonly decoderLayers: (model: Model) => AnyModule[];
  /** The weights and biases of what is added to the residual streams of both. */
  readonly residualOutputs: (model: Model) => readonly Variable[];
  /** Where the layers normalise: before each part, or after it is added. */
  readonly norm: 'pre' | 'post';
}

/** Sizes of the examples: source and target differ, so that one can't be taken for the other. */
export const [batch, sourceSeq, targetSeq] = [2, 7, 6];

/** Random tokens of a source, int32 [batch, sourceSeq], none of them special in a usual vocabulary. */
export function sourceOf({ config }: EncoderDecoder, { rows = batch, seed = 0 } = {}): Tensor2D {
  return tokensOf([rows, sourceSeq], config.vocabSize, seed);
}

/** Random tokens of a target, int32 [batch, targetSeq]. */
export function targetOf({ config }: EncoderDecoder, { rows = batch, seed = 1 } = {}): Tensor2D {
  return tokensOf([rows, targetSeq], config.vocabSize, seed);
}

/** The first ids are kept free for special tokens. */
function tokensOf(shape: [number, number], vocabSize: number, seed: number): Tensor2D {
  const drawn = randomIds<Tensor2D>(shape, { bound: vocabSize - 4, seed });
  const ids = tensor2d(
    drawn.dataSync().map((id) => id + 4),
    shape,
    'int32',
  );
  drawn.dispose();
  return ids;
}

/** What the decoder is given while it learns to write `targets`. */
export function shiftedOf({ config }: EncoderDecoder, targets: Tensor2D): Tensor2D {
  return shiftRight(targets, { startTokenId: config.decoderStartTokenId, padTokenId: config.padTokenId });
}

/** The log-probabilities of all tokens, a row for each place of the target, from the model's float32 logits on in float64. */
export function logProbabilities(model: EncoderDecoder, ids: Tensor2D, decoderIds: Tensor2D): number[][] {
  const logits = model.call(ids, { decoderIds });
  const [values, vocab] = [valuesOf(logits), model.config.vocabSize];
  logits.dispose();
  return Array.from({ length: values.length / vocab }, (_, i) => {
    const row = values.slice(i * vocab, (i + 1) * vocab);
    const highest = Math.max(...row);
    const total = highest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
    return row.map((logit) => logit - total);
  });
}

/** A mask from rows of 0 and 1. */
export function maskOf(rows: readonly (readonly number[])[]): Tensor2D {
  return tensor2d(
    rows.map((row) => [...row]),
    undefined,
    'int32',
  );
}

/** The decoder's hidden states of its last layer, after the final norm if there is one: [batch, targetSeq, dim]. */
export function lastDecoderState(model: EncoderDecoder, ids: Tensor2D, options: EncoderDecoderCallOptions): Tensor3D {
  const { value, hiddenStates } = capture(() => model.call(ids, options), ['hiddenStates']);
  const last = hiddenStates.pop() as Tensor3D;
  dispose([value, ...hiddenStates]);
  return last;
}
