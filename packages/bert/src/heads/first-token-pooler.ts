import type { Activation, RandomStream } from '@formers/backend';
import { Dropout, Linear, Module, normal } from '@formers/nn';
import { reshape, slice, type Tensor, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';

/** Options of {@link FirstTokenPooler}. */
export interface FirstTokenPoolerConfig {
  dim: number;
  activation: Activation;
  /** Of the first token's state; default 0. */
  dropout?: number;
  initStd: number;
  random: RandomStream | null;
}

/** One vector for a sequence, from its first token (BERT's [CLS], section 3.1): `activation(x₀ Wᵀ + b)`, [batch, seq, dim] to [batch, dim]. */
export class FirstTokenPooler extends Module<[x: Tensor3D], Tensor2D> {
  readonly dropout: Dropout<Tensor2D>;
  dense: Linear<Tensor2D>;
  readonly activation: Activation;

  constructor({ dim, activation, dropout = 0, initStd, random }: FirstTokenPoolerConfig) {
    super();
    this.dropout = new Dropout(dropout);
    this.dense = new Linear({ inDim: dim, outDim: dim, init: normal(initStd), random });
    this.activation = activation;
  }

  protected override forward(x: Tensor3D): Tensor2D {
    const [batch, , dim] = x.shape;
    const first = reshape(slice(x, [0, 0, 0], [batch, 1, dim]) as Tensor, [batch, dim]) as Tensor2D;
    return this.dense.call(this.dropout.call(first), { activation: this.activation }); // [batch, dim]
  }
}
