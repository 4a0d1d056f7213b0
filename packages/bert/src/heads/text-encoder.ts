import type { AttentionMask } from '@formers/attention';
import type { Module } from '@formers/nn';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';

/** What every encoder of this package may be told besides the ids. */
export interface EncoderOptions {
  /** Which tokens may be attended to; default all. */
  attentionMask?: AttentionMask | undefined;
  /** int32 [batch or 1, seq]; default as the model counts. */
  positionIds?: Tensor2D | undefined;
}

/** What a model with segments may be told besides the ids. */
export interface SegmentedOptions extends EncoderOptions {
  /** int32 [batch, seq], the segment of each token; default all 0. */
  tokenTypeIds?: Tensor2D | undefined;
}

/** An encoder without a head: ids [batch, seq] to hidden states [batch, seq, dim]. */
export type TextEncoder<Options extends EncoderOptions> = Module<[ids: Tensor2D, options?: Options], Tensor3D>;
