import { embedding, type RandomStream } from '@formers/backend';
import type { Rank, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';

import { type Initializer, normal } from './initializers.ts';
import { Module, parameter } from './module.ts';

/** Options of {@link Embedding}. */
export interface EmbeddingConfig {
  vocabSize: number;
  dim: number;
  /** Default normal with standard deviation 1, as PyTorch's. */
  init?: Initializer;
  random: RandomStream | null;
}

/** A learned vector per id: int32 [batch, seq] to [batch, seq, dim]. */
export class Embedding extends Module<[ids: Tensor2D], Tensor3D> {
  /** [vocab, dim] */
  readonly weight: Variable<Rank.R2>;

  constructor({ vocabSize, dim, init = normal(1), random }: EmbeddingConfig) {
    super();
    this.weight = parameter<Rank.R2>([vocabSize, dim], { init, random });
  }

  protected override forward(ids: Tensor2D): Tensor3D {
    return embedding<Tensor3D>(this.weight, ids); // [batch, seq, dim]
  }
}
