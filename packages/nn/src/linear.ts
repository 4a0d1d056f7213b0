import { type Activation, linear, type RandomStream } from '@formers/backend';
import type { Rank, Tensor, Variable } from '@tensorflow/tfjs-core';

import { fanInUniform, type Initializer, zeros } from './initializers.ts';
import { Module, parameter } from './module.ts';

/** Options of {@link Linear}. */
export interface LinearConfig {
  inDim: number;
  outDim: number;
  /** Default true. */
  bias?: boolean;
  /** Of the weight; default {@link fanInUniform}. The bias starts at zero. */
  init?: Initializer;
  random: RandomStream | null;
}

/** What may follow the product in the same pass. */
export interface LinearCallOptions {
  activation?: Activation | undefined;
  /** [..., outDim], added after the activation. */
  residual?: Tensor | undefined;
}

/** A learned affine map of the last axis: `x Wᵀ + b`, [..., inDim] to [..., outDim]. */
export class Linear<T extends Tensor = Tensor> extends Module<[x: T, options?: LinearCallOptions], T> {
  /** [outDim, inDim], as PyTorch stores it. */
  readonly weight: Variable<Rank.R2>;
  /** [outDim] */
  readonly bias: Variable<Rank.R1> | undefined;

  constructor({ inDim, outDim, bias = true, init = fanInUniform, random }: LinearConfig) {
    super();
    this.weight = parameter<Rank.R2>([outDim, inDim], { init, random });
    this.bias = bias ? parameter<Rank.R1>([outDim], { init: zeros, random }) : undefined;
  }

  protected override forward(x: T, options: LinearCallOptions = {}): T {
    return linear(x, this.weight, { bias: this.bias, ...options }); // [..., outDim]
  }
}
