import { embedding, isTapeOn, type RandomStream, withoutTape } from '@formers/backend';
import {
  equal,
  expandDims,
  type Rank,
  type Tensor2D,
  type Tensor3D,
  type Variable,
  where,
} from '@tensorflow/tfjs-core';

import { type Initializer, normal } from './initializers.ts';
import { Module, parameter } from './module.ts';

/** Options of {@link Embedding}. */
export interface EmbeddingConfig {
  vocabSize: number;
  dim: number;
  /** Default normal with standard deviation 1, as PyTorch's. */
  init?: Initializer;
  /** Id of padding, which isn't learned: its vector starts at zero and gets no gradient from being looked up. Default none. */
  paddingId?: number | undefined;
  random: RandomStream | null;
}

/** A learned vector per id: int32 [batch, seq] to [batch, seq, dim]. */
export class Embedding extends Module<[ids: Tensor2D], Tensor3D> {
  /** [vocab, dim] */
  readonly weight: Variable<Rank.R2>;
  readonly paddingId: number | undefined;

  constructor({ vocabSize, dim, init = normal(1), paddingId, random }: EmbeddingConfig) {
    super();
    const start: Initializer =
      paddingId === undefined ? init : (...of) => init(...of).fill(0, paddingId * dim, (paddingId + 1) * dim);
    this.weight = parameter<Rank.R2>([vocabSize, dim], { init: start, random });
    this.paddingId = paddingId;
  }

  protected override forward(ids: Tensor2D): Tensor3D {
    const x = embedding<Tensor3D>(this.weight, ids); // [batch, seq, dim]
    if (this.paddingId === undefined || !isTapeOn()) return x;
    const constant = withoutTape(() => embedding<Tensor3D>(this.weight, ids)); // the same numbers, without a gradient
    return where(expandDims(equal(ids, this.paddingId), 2), constant, x); // [batch, seq, dim]
  }
}
