import { addLayerNorm, layerNorm, rmsNorm, type SumAndNorm } from '@formers/backend';
import type { Rank, Tensor, Variable } from '@tensorflow/tfjs-core';

import { ones, zeros } from './initializers.ts';
import { Module, parameter } from './module.ts';

/** Options of {@link LayerNorm} and {@link RMSNorm}. */
export interface NormConfig {
  dim: number;
  /** Added to the variance or mean square; default 1e-5. */
  epsilon?: number;
}

/** What a call of {@link LayerNorm} may be told. */
export interface LayerNormCallOptions {
  /** [..., dim], added to x before it is normalised, in the same pass: post-norm layers. */
  residual?: Tensor | undefined;
}

/** Layer normalisation with gain and shift (Ba et al. 2016): [..., dim] to [..., dim]. */
export class LayerNorm<T extends Tensor = Tensor> extends Module<[x: T, options?: LayerNormCallOptions], T> {
  /** [dim], the gain. */
  readonly weight: Variable<Rank.R1>;
  /** [dim], the shift. */
  readonly bias: Variable<Rank.R1>;
  readonly epsilon: number;

  constructor({ dim, epsilon = 1e-5 }: NormConfig) {
    super();
    this.weight = parameter<Rank.R1>([dim], { init: ones, random: null });
    this.bias = parameter<Rank.R1>([dim], { init: zeros, random: null });
    this.epsilon = epsilon;
  }

  protected override forward(x: T, { residual }: LayerNormCallOptions = {}): T {
    const { weight, bias, epsilon } = this;
    return residual ? addLayerNorm(x, { residual, weight, bias, epsilon }).norm : layerNorm(x, this); // [..., dim]
  }

  /** The sum of x and a residual [..., dim] and its norm, in the same pass: pre-norm layers go on with both. The caller owns them. */
  sumAndNorm(x: T, { residual }: { residual: Tensor }): SumAndNorm<T> {
    const { weight, bias, epsilon } = this;
    return addLayerNorm(x, { residual, weight, bias, epsilon });
  }
}

/** Root mean square normalisation with gain (Zhang and Sennrich 2019): [..., dim] to [..., dim]. */
export class RMSNorm<T extends Tensor = Tensor> extends Module<[x: T], T> {
  /** [dim], the gain. */
  readonly weight: Variable<Rank.R1>;
  readonly epsilon: number;

  constructor({ dim, epsilon = 1e-5 }: NormConfig) {
    super();
    this.weight = parameter<Rank.R1>([dim], { init: ones, random: null });
    this.epsilon = epsilon;
  }

  protected override forward(x: T): T {
    return rmsNorm(x, this); // [..., dim]
  }
}
