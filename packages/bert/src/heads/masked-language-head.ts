import {
  type Activation,
  type CrossEntropyOptions,
  linear,
  linearCrossEntropy,
  type RandomStream,
} from '@formers/backend';
import { LayerNorm, Linear, Module, normal, parameter, zeros } from '@formers/nn';
import {
  type Rank,
  type Scalar,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
  type Variable,
} from '@tensorflow/tfjs-core';

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
    const { weight, bias } = this.#output(tokens);
    return linear(this.#transform(x), weight, { bias }); // [batch, seq, vocab]
  }

  /**
   * Cross-entropy of the words; only the logits of places that count are computed, a part of them at a time, where the engine can.
   *
   * @param x [batch, seq, dim]
   * @param options.tokens [vocab, dim], the token embedding.
   * @param options.targets int32 [batch, seq]
   */
  loss(
    x: Tensor3D,
    { tokens, targets, ...options }: CrossEntropyOptions & { tokens: Tensor2D; targets: Tensor2D },
  ): Scalar {
    const { weight, bias } = this.#output(tokens);
    return tidy(() => linearCrossEntropy(this.#transform(x), weight, { ...options, labels: targets, bias }));
  }

  #transform(x: Tensor3D): Tensor3D {
    return this.norm.call(this.dense.call(x, { activation: this.activation })); // [batch, seq, dim]
  }

  #output(tokens: Tensor2D): { weight: Tensor2D; bias: Tensor1D } {
    const { weight = tokens, bias = this.bias } = this.projection ?? {};
    return { weight, bias };
  }
}
