import { type Activation, linear, type RandomStream } from '@formers/backend';
import { LayerNorm, Linear, Module, normal, parameter, zeros } from '@formers/nn';
import type { Rank, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs-core';

/** Options of {@link MaskedLanguageHead}. */
export interface MaskedLanguageHeadConfig {
  vocabSize: number;
  dim: number;
  activation: Activation;
  normEpsilon: number;
  /** Whether the projection is the token embedding. */
  tied: boolean;
  /** Whether a projection of its own has a bias of its own. */
  ownBias: boolean;
  initStd: number;
  random: RandomStream | null;
}

/** What a word would have been, for every token: `norm(activation(x Wᵀ + b)) Eᵀ + bias`, [batch, seq, dim] to logits [batch, seq, vocab] (BERT, appendix A.2, in its code). */
export class MaskedLanguageHead extends Module<[x: Tensor3D, tokens: Tensor2D], Tensor3D> {
  dense: Linear<Tensor3D>;
  norm: LayerNorm<Tensor3D>;
  /** The output projection, where it isn't the token embedding. */
  projection: Linear<Tensor3D> | undefined;
  /** [vocab]; without effect beside a projection that has its own, yet part of such checkpoints. */
  readonly bias: Variable<Rank.R1>;
  readonly activation: Activation;

  constructor(config: MaskedLanguageHeadConfig) {
    super();
    const { vocabSize, dim, activation, normEpsilon, tied, ownBias, initStd, random } = config;
    const init = normal(initStd);
    this.dense = new Linear({ inDim: dim, outDim: dim, init, random });
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
    this.projection = tied ? undefined : new Linear({ inDim: dim, outDim: vocabSize, bias: ownBias, init, random });
    this.bias = parameter<Rank.R1>([vocabSize], { init: zeros, random: null });
    this.activation = activation;
  }

  protected override forward(x: Tensor3D, tokens: Tensor2D): Tensor3D {
    const transformed = this.norm.call(this.dense.call(x, { activation: this.activation })); // [batch, seq, dim]
    const { weight = tokens, bias = this.bias } = this.projection ?? {};
    return linear(transformed, weight, { bias }); // [batch, seq, vocab]
  }
}
