import { dropout, type RandomStream } from '@formers/backend';
import { Dropout, FeedForward, type Initializer, LayerNorm, Module, parameter } from '@formers/nn';
import { add, mul, ones, type Rank, type Tensor3D, type Variable } from '@tensorflow/tfjs-core';

import { TimmAttention } from './attention.ts';
import type { TimmViTConfig } from './config.ts';

/** A learned factor for each column of what a layer adds (Touvron et al. 2021, "Going deeper with Image Transformers", LayerScale). */
export class LayerScale extends Module<[x: Tensor3D], Tensor3D> {
  /** [dim] */
  readonly factors: Variable<Rank.R1>;

  constructor({ dim, start }: { dim: number; start: number }) {
    super();
    this.factors = parameter<Rank.R1>([dim], {
      init: ([size = 0]) => new Float32Array(size).fill(start),
      random: null,
    });
  }

  protected override forward(x: Tensor3D): Tensor3D {
    return mul(x, this.factors); // [batch, tokens, dim]
  }
}

/** One layer of timm's ViT, pre-norm: `x + scale1(attention(norm1(x)))`, then `x + scale2(mlp(norm2(x)))`. */
export class TimmViTLayer extends Module<[x: Tensor3D], Tensor3D> {
  norm1: LayerNorm<Tensor3D>;
  attention: TimmAttention;
  scale1: LayerScale | undefined;
  norm2: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  scale2: LayerScale | undefined;
  readonly dropout: Dropout<Tensor3D>;
  /** Rate at which the layer is skipped, image by image. */
  readonly dropPath: number;

  constructor(
    config: TimmViTConfig,
    { dropPath, init, random }: { dropPath: number; init: Initializer; random: RandomStream | null },
  ) {
    super();
    const { dim, hiddenDim, activation, layerScale, normEpsilon: epsilon, projectionDropout, projectionBias } = config;
    const scale = (): LayerScale | undefined =>
      layerScale === 0 ? undefined : new LayerScale({ dim, start: layerScale });
    this.norm1 = new LayerNorm({ dim, epsilon });
    this.attention = new TimmAttention(config, { init, random });
    this.scale1 = scale();
    this.norm2 = new LayerNorm({ dim, epsilon });
    this.mlp = new FeedForward({
      dim,
      hiddenDim,
      activation,
      bias: projectionBias,
      activationDropout: projectionDropout,
      dropout: projectionDropout,
      init,
      random,
    });
    this.scale2 = scale();
    this.dropout = new Dropout(projectionDropout);
    this.dropPath = dropPath;
  }

  protected override forward(x: Tensor3D): Tensor3D {
    const attended = this.dropout.call(this.attention.call(this.norm1.call(x))); // [batch, tokens, dim]
    const middle: Tensor3D = add(x, this.#skipSome(this.scale1?.call(attended) ?? attended)); // [batch, tokens, dim]
    const mixed = this.mlp.call(this.norm2.call(middle)); // [batch, tokens, dim]
    return add(middle, this.#skipSome(this.scale2?.call(mixed) ?? mixed)); // [batch, tokens, dim]
  }

  /** Stochastic depth (Huang et al. 2016, equation 2), on inside a `withDropout` scope as dropout is. */
  #skipSome(x: Tensor3D): Tensor3D {
    return this.dropPath === 0 ? x : mul(x, dropout(ones([x.shape[0], 1, 1]), this.dropPath));
  }
}
