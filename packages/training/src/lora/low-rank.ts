import { dropout, linear, type RandomStream } from '@formers/backend';
import { fanInUniform, type Linear, type LinearAdapter, parameter, zeros } from '@formers/nn';
import {
  add,
  keep,
  matMul,
  mul,
  type Rank,
  type Tensor,
  type Tensor2D,
  tidy,
  type Variable,
} from '@tensorflow/tfjs-core';

/** Numbers of a {@link LowRank}. */
export interface LowRankConfig {
  readonly rank: number;
  /** Factor of the product. */
  readonly scale: number;
  /** Of its input. */
  readonly dropout: number;
  /** Null leaves the first factor at zero, as when it is loaded. */
  readonly random: RandomStream | null;
  /** What it is a part of. */
  readonly owner: { detach(): void };
}

/** A low-rank change of one linear map, `W + scale · B A` (Hu et al. 2021, section 4.1). */
export class LowRank implements LinearAdapter {
  /** [rank, inDim] */
  readonly a: Variable<Rank.R2>;
  /** [outDim, rank], zeros at first. */
  readonly b: Variable<Rank.R2>;
  readonly scale: number;
  /** What it is a part of. */
  readonly owner: { detach(): void };
  readonly #dropout: number;
  readonly #linear: Linear;
  #wasUsed = false;
  /** The weights without the change, while they are merged. */
  #original: Tensor2D | undefined;

  constructor(target: Linear, { rank, scale, dropout: rate, random, owner }: LowRankConfig) {
    const [outDim, inDim] = target.weight.shape;
    this.a = parameter<Rank.R2>([rank, inDim], { init: random ? fanInUniform : zeros, random });
    this.b = parameter<Rank.R2>([outDim, rank], { init: zeros, random });
    this.scale = scale;
    this.owner = owner;
    this.#dropout = rate;
    this.#linear = target;
  }

  adapt<T extends Tensor>(x: T, output: T): T {
    this.#wasUsed = true;
    if (this.#original) return output; // it is in the weights
    const low = linear(dropout(x, this.#dropout), this.a); // [..., rank]
    return linear(mul(low, this.scale) as T, this.b, { residual: output }); // [..., outDim]
  }

  adaptWeight(weight: Tensor2D): Tensor2D {
    this.#wasUsed = true;
    return this.#original ? weight : add(weight, this.#change());
  }

  #change(): Tensor2D {
    return mul(matMul(this.b as Tensor2D, this.a as Tensor2D), this.scale);
  }

  /** Whether the model ever computed with it. */
  get wasUsed(): boolean {
    return this.#wasUsed;
  }

  parameters(): readonly Variable[] {
    return [this.a, this.b];
  }

  attach(): void {
    this.#linear.adapter = this;
  }

  detach(): void {
    if (this.#linear.adapter === this) this.#linear.adapter = undefined;
  }

  /** Adds the change to the weights. */
  merge(): void {
    const { weight } = this.#linear;
    this.#original ??= tidy(() => keep(weight.clone()));
    tidy(() => weight.assign(add(weight, this.#change())));
  }

  /** Gives the weights back, bit for bit. */
  unmerge(): void {
    if (!this.#original) return;
    this.#linear.weight.assign(this.#original);
    this.#original.dispose();
    this.#original = undefined;
  }

  /** Leaves the weights as they are. */
  dispose(): void {
    this.detach();
    this.#original?.dispose();
    this.#original = undefined;
    for (const factor of [this.a, this.b]) if (!factor.isDisposed) factor.dispose();
  }
}
