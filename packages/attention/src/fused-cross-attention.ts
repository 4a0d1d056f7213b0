import {
  attend,
  type AttendOptions,
  attentionWeights,
  ConfigError,
  linear,
  mergeHeads,
  type RandomStream,
  report,
  splitHeads,
} from '@formers/backend';
import { type Initializer, Linear, Module } from '@formers/nn';
import { slice, split, type Tensor1D, type Tensor3D, type Tensor4D } from '@tensorflow/tfjs-core';

import type { CrossCache } from './encoder-decoder-cache.ts';

/** Options of {@link FusedCrossAttention}. */
export interface FusedCrossAttentionConfig {
  dim: number;
  numHeads: number;
  /** Whether the two projections have biases; default true. */
  bias?: boolean;
  /** Of the attention weights; default 0. */
  dropout?: number;
  init?: Initializer;
  random: RandomStream | null;
}

/** What a cross-attention call is told. */
export interface CrossAttentionOptions {
  /** [batch, keys, dim]: what keys and values come from. */
  context: Tensor3D;
  /** bool, broadcastable to [batch, heads, queries, keys]; true = may attend. */
  mask?: AttendOptions['mask'];
  /** Keeps the keys and values of `context`, which are computed at the first call only. */
  crossCache?: CrossCache | undefined;
}

/** Multi-head cross-attention whose query, key and value projections are one matrix, as `torch.nn.MultiheadAttention` has them: [batch, queries, dim] to [batch, queries, dim]. */
export class FusedCrossAttention extends Module<[x: Tensor3D, options: CrossAttentionOptions], Tensor3D> {
  /** [3 · dim, dim]: the rows of the queries, which read x, then those of the keys and of the values, which read the context. */
  queryKeyValue: Linear<Tensor3D>;
  output: Linear<Tensor3D>;
  readonly numHeads: number;
  readonly #options: AttendOptions;

  constructor({ dim, numHeads, bias = true, dropout = 0, init, random }: FusedCrossAttentionConfig) {
    super();
    if (dim % numHeads !== 0)
      throw new ConfigError(`FusedCrossAttention: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
    const start = { inDim: dim, bias, ...(init && { init }), random };
    this.queryKeyValue = new Linear<Tensor3D>({ outDim: 3 * dim, ...start });
    this.output = new Linear<Tensor3D>({ outDim: dim, ...start });
    this.numHeads = numHeads;
    this.#options = { dropout };
  }

  protected override forward(x: Tensor3D, { context, mask, crossCache }: CrossAttentionOptions): Tensor3D {
    const dim = x.shape[2];
    const q = splitHeads(this.#project(x, 0, dim), this.numHeads); // [batch, heads, queries, headDim]
    const project = (): [Tensor4D, Tensor4D] => {
      const [k, v] = split<Tensor3D>(this.#project(context, dim, 2 * dim), 2, 2) as [Tensor3D, Tensor3D]; // each [batch, keys, dim]
      return [splitHeads(k, this.numHeads), splitHeads(v, this.numHeads)];
    };
    const [k, v] = crossCache ? crossCache.get(project) : project(); // each [batch, heads, keys, headDim]
    const options = { ...this.#options, mask };
    report('crossAttentions', () => attentionWeights(q, k, options)); // [batch, heads, queries, keys]
    return this.output.call(mergeHeads(attend(q, k, v, options))); // [batch, queries, dim]
  }

  /** Rows `first` to `first + count` of the one projection. */
  #project(x: Tensor3D, first: number, count: number): Tensor3D {
    const { adaptedWeight, bias } = this.queryKeyValue;
    const rows = slice(adaptedWeight, [first, 0], [count, -1]); // [count, dim]
    return linear(x, rows, { bias: bias && slice(bias as Tensor1D, [first], [count]) }); // [batch, seq, count]
  }
}
