import {
  attend,
  attentionWeights,
  mergeHeads,
  type RandomStream,
  report,
  selfAttend,
  splitHeads,
} from '@formers/backend';
import { type Initializer, LayerNorm, Linear, Module } from '@formers/nn';
import { split, type Tensor3D, type Tensor4D } from '@tensorflow/tfjs-core';

import type { TimmViTConfig } from './config.ts';

/** Multi-head attention of timm: one matrix for queries, keys and values, which may be normalised head by head. [batch, tokens, dim] to [batch, tokens, dim]. */
export class TimmAttention extends Module<[x: Tensor3D], Tensor3D> {
  /** [3 · dim, dim]: the rows of the queries, then the keys, then the values. */
  queryKeyValue: Linear<Tensor3D>;
  queryNorm: LayerNorm<Tensor4D> | undefined;
  keyNorm: LayerNorm<Tensor4D> | undefined;
  output: Linear<Tensor3D>;
  readonly numHeads: number;
  readonly #dropout: number;

  constructor(
    { dim, numHeads, qkvBias, qkNorm, projectionBias, attentionDropout, normEpsilon }: TimmViTConfig,
    { init, random }: { init: Initializer; random: RandomStream | null },
  ) {
    super();
    const headNorm = (): LayerNorm<Tensor4D> | undefined =>
      qkNorm ? new LayerNorm({ dim: dim / numHeads, epsilon: normEpsilon }) : undefined;
    this.queryKeyValue = new Linear({ inDim: dim, outDim: 3 * dim, bias: qkvBias, init, random });
    this.queryNorm = headNorm();
    this.keyNorm = headNorm();
    this.output = new Linear({ inDim: dim, outDim: dim, bias: projectionBias, init, random });
    this.numHeads = numHeads;
    this.#dropout = attentionDropout;
  }

  protected override forward(x: Tensor3D): Tensor3D {
    const { numHeads, queryNorm } = this;
    const dropout = this.#dropout;
    const qkv = this.queryKeyValue.call(x, { inner: !queryNorm }); // [batch, tokens, 3 * dim]
    report('attentions', () => {
      const [q, k] = this.#heads(qkv);
      return attentionWeights(q, k, { dropout }); // [batch, heads, tokens, tokens]
    });
    if (!queryNorm) return this.output.call(selfAttend(qkv, { numHeads, dropout })); // [batch, tokens, dim]
    const [q, k, v] = this.#heads(qkv);
    return this.output.call(mergeHeads(attend(q, k, v, { dropout }))); // [batch, tokens, dim]
  }

  /** Queries, keys and values, each [batch, heads, tokens, headDim]. */
  #heads(qkv: Tensor3D): [q: Tensor4D, k: Tensor4D, v: Tensor4D] {
    const [q, k, v] = split<Tensor3D>(qkv, 3, 2).map((part) => splitHeads(part, this.numHeads)) as [
      Tensor4D,
      Tensor4D,
      Tensor4D,
    ];
    return [this.queryNorm?.call(q) ?? q, this.keyNorm?.call(k) ?? k, v];
  }
}
