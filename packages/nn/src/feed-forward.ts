import type { Activation, RandomStream } from '@formers/backend';
import type { Tensor } from '@tensorflow/tfjs-core';

import { Dropout } from './dropout.ts';
import type { Initializer } from './initializers.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';

/** Options of {@link FeedForward}. */
export interface FeedForwardConfig {
  dim: number;
  hiddenDim: number;
  activation: Activation;
  /** Whether the two projections have biases; default true. */
  bias?: boolean;
  /** Of what the activation gives; default 0. */
  activationDropout?: number;
  /** Of the output; default 0. */
  dropout?: number;
  init?: Initializer;
  /** Of the second weight; default `init`. */
  outputInit?: Initializer | undefined;
  random: RandomStream | null;
}

/** Position-wise feed-forward network: `activation(x W₁ᵀ + b₁) W₂ᵀ + b₂` (Vaswani et al. 2017, equation 2), [..., dim] to [..., dim]. */
export class FeedForward<T extends Tensor = Tensor> extends Module<[x: T], T> {
  hidden: Linear<T>;
  output: Linear<T>;
  readonly activationDropout: Dropout<T>;
  readonly dropout: Dropout<T>;
  readonly activation: Activation;

  constructor({
    dim,
    hiddenDim,
    activation,
    bias = true,
    activationDropout = 0,
    dropout = 0,
    init,
    outputInit = init,
    random,
  }: FeedForwardConfig) {
    super();
    this.hidden = new Linear<T>({ inDim: dim, outDim: hiddenDim, bias, ...(init && { init }), random });
    this.output = new Linear<T>({
      inDim: hiddenDim,
      outDim: dim,
      bias,
      ...(outputInit && { init: outputInit }),
      random,
    });
    this.activationDropout = new Dropout<T>(activationDropout);
    this.dropout = new Dropout<T>(dropout);
    this.activation = activation;
  }

  protected override forward(x: T): T {
    const hidden = this.hidden.call(x, { activation: this.activation }); // [..., hidden]
    return this.dropout.call(this.output.call(this.activationDropout.call(hidden))); // [..., dim]
  }
}
