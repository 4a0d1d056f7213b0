import { MultiHeadAttention } from '@formers/attention';
import type { RandomStream } from '@formers/backend';
import { Dropout, FeedForward, type Initializer, LayerNorm, Module, normal } from '@formers/nn';
import { add, type Tensor3D } from '@tensorflow/tfjs-core';

import type { ViTConfig } from './config.ts';

/** Options of {@link ViTLayer}. */
export type ViTLayerConfig = Pick<
  ViTConfig,
  'dim' | 'hiddenDim' | 'numHeads' | 'activation' | 'dropout' | 'attentionDropout' | 'normEpsilon' | 'qkvBias'
> & {
  /** Default normal with standard deviation 0.02. */
  init?: Initializer;
  random: RandomStream | null;
};

/** One encoder layer, pre-norm: `x + attention(norm1(x))`, then `x + mlp(norm2(x))` (Dosovitskiy et al. 2021, equations 2 and 3). */
export class ViTLayer extends Module<[x: Tensor3D], Tensor3D> {
  norm1: LayerNorm<Tensor3D>;
  attention: MultiHeadAttention;
  norm2: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor({
    dim,
    hiddenDim,
    numHeads,
    activation,
    dropout,
    attentionDropout,
    normEpsilon,
    qkvBias,
    init = normal(0.02),
    random,
  }: ViTLayerConfig) {
    super();
    this.norm1 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.attention = new MultiHeadAttention({
      dim,
      numHeads,
      bias: qkvBias,
      outputBias: true,
      dropout: attentionDropout,
      init,
      random,
    });
    this.norm2 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.mlp = new FeedForward({ dim, hiddenDim, activation, dropout, init, random });
    this.dropout = new Dropout(dropout);
  }

  protected override forward(x: Tensor3D): Tensor3D {
    const attended: Tensor3D = add(x, this.dropout.call(this.attention.call(this.norm1.call(x)))); // [batch, tokens, dim]
    return add(attended, this.mlp.call(this.norm2.call(attended))); // [batch, tokens, dim]
  }
}
