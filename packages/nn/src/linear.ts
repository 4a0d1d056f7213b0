import { type Activation, applyActivation, linear, type RandomStream } from '@formers/backend';
import { add, type Rank, type Tensor, type Tensor2D, type Variable } from '@tensorflow/tfjs-core';

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
  /** Whether only layers of a model read the result, so that an engine may store it in half precision. Default false. */
  inner?: boolean | undefined;
}

/** Changes what a {@link Linear} computes, such as a LoRA; its parameters are its own, not the model's. */
export interface LinearAdapter {
  /**
   * @param x [..., inDim]
   * @param output `x Wᵀ + b`, [..., outDim]
   * @returns what comes instead of `output`, before activation and residual
   */
  adapt<T extends Tensor>(x: T, output: T): T;
  /** The weight, [outDim, inDim], that computes what {@link adapt} does in evaluation; for modules that read weights themselves. */
  adaptWeight(weight: Tensor2D): Tensor2D;
  /** What it reads besides. */
  parameters(): readonly Variable[];
}

/** A learned affine map of the last axis: `x Wᵀ + b`, [..., inDim] to [..., outDim]. */
export class Linear<T extends Tensor = Tensor> extends Module<[x: T, options?: LinearCallOptions], T> {
  /** [outDim, inDim], as PyTorch stores it. */
  readonly weight: Variable<Rank.R2>;
  /** [outDim] */
  readonly bias: Variable<Rank.R1> | undefined;
  #adapter: LinearAdapter | undefined;

  constructor({ inDim, outDim, bias = true, init = fanInUniform, random }: LinearConfig) {
    super();
    this.weight = parameter<Rank.R2>([outDim, inDim], { init, random });
    this.bias = bias ? parameter<Rank.R1>([outDim], { init: zeros, random }) : undefined;
  }

  /** Changes the product of weight and input; undefined at first. */
  get adapter(): LinearAdapter | undefined {
    return this.#adapter;
  }

  set adapter(adapter: LinearAdapter | undefined) {
    this.#adapter = adapter;
  }

  /** [outDim, inDim], with what the adapter changes of it: what a module reads that uses the weight in another way than by {@link call}. */
  get adaptedWeight(): Tensor2D {
    return this.#adapter?.adaptWeight(this.weight as Tensor2D) ?? (this.weight as Tensor2D);
  }

  protected override forward(x: T, options: LinearCallOptions = {}): T {
    if (!this.#adapter) return linear(x, this.weight, { bias: this.bias, ...options }); // [..., outDim]
    const { activation, residual } = options;
    const output = this.#adapter.adapt(x, linear(x, this.weight, { bias: this.bias })); // [..., outDim]
    const activated = activation ? applyActivation(output, activation) : output; // [..., outDim]
    return residual ? add(activated, residual) : activated;
  }
}
