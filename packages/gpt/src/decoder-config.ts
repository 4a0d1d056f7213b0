import type { Embedding, PretrainedModel, ProblemType } from '@formers/nn';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';

import type { GPTCallOptions } from './call-options.ts';

/** What the configs of all GPTs have. */
export interface DecoderConfig {
  vocabSize: number;
  /** Most tokens that a sequence may have. */
  contextLength: number;
  dim: number;
  /** Standard deviation of the weights at the start. */
  initStd: number;
  /** Whether the output projection is the token embedding. */
  tieEmbeddings: boolean;
  /** Names of the classifier's classes, in order of their ids. */
  labels: string[];
  /** What the classifier predicts; where undefined, its labels tell. */
  problemType: ProblemType | undefined;
  /** Begins texts. */
  bosTokenId: number | undefined;
  /** Ends texts. */
  eosTokenId: number | undefined;
  /** Fills rows of a batch; the classifier reads the last token that isn't it. */
  padTokenId: number | undefined;
}

/** A decoder without a head: ids [batch, seq] to hidden states [batch, seq, dim]. */
export type DecoderStack<Config extends DecoderConfig> = PretrainedModel<
  [ids: Tensor2D, options?: GPTCallOptions],
  Tensor3D,
  Config
> & { readonly tokens: Embedding };
