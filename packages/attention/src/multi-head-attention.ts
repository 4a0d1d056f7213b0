import {
  attend,
  type AttendOptions,
  attentionWeights,
  ConfigError,
  mergeHeads,
  type RandomStream,
  report,
  splitHeads,
} from '@formers/backend';
import { type Initializer, Linear, Module } from '@formers/nn';
import type { Tensor3D } from '@tensorflow/tfjs-core';

import type { LayerCache } from './kv-cache.ts';

/** Options of {@link MultiHeadAttention}. */
export interface MultiHeadAttentionConfig {
  dim: number;
  numHeads: number;
  /** Heads of keys and values, each serving `numHeads / numKvHeads` query heads; default `numHeads`. */
  numKvHeads?: number;
  /** Width of the context that keys come from; default `dim`. */
  contextDim?: number;
  /** Width of the context that values come from; default `contextDim`. */
  valueDim?: number;
  /** Whether the projections of queries, keys and values have biases; default true. */
  bias?: boolean;
  /** Whether the output projection has one; default `bias`. */
  outputBias?: boolean;
  /** Whether query i sees only keys up to i. */
  causal?: boolean;
  /** Of the attention weights; default 0. */
  dropout?: number;
  init?: Initializer;
  random: RandomStream | null;
}

/** What a call may be told. */
export interface AttentionOptions {
  /** [batch, keys, contextDim]: what keys and values come from (cross-attention); default x itself. */
  context?: Tensor3D;
  /** [batch, keys, valueDim]: what values come from; default `context`. */
  valueContext?: Tensor3D;
  /** bool, broadcastable to [batch, heads, queries, keys]; true = may attend. */
  mask?: AttendOptions['mask'];
  /** float32 and finite, broadcastable to [batch, heads, queries, keys]; added to the scores. */
  bias?: AttendOptions['bias'];
  /** Keys and values of earlier tokens; the new ones are added. */
  cache?: LayerCache | undefined;
}

/** Keys and values of a call, and the masks that go with them. */
export interface KeysAndValues {
  /** [batch, keys, kvDim] */
  k: Tensor3D;
  /** [batch, keys, kvDim] */
  v: Tensor3D;
  mask?: AttendOptions['mask'];
  bias?: AttendOptions['bias'];
}

/** Multi-head attention (Vaswani et al. 2017, section 3.2.2); with `context`, cross-attention. [batch, queries, dim] to [batch, queries, dim]. */
export class MultiHeadAttention extends Module<[x: Tensor3D, options?: AttentionOptions], Tensor3D> {
  query: Linear<Tensor3D>;
  key: Linear<Tensor3D>;
  value: Linear<Tensor3D>;
  output: Linear<Tensor3D>;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly #options: AttendOptions;

  constructor({
    dim,
    numHeads,
    numKvHeads = numHeads,
    contextDim = dim,
    valueDim = contextDim,
    bias = true,
    outputBias = bias,
    causal = false,
    dropout = 0,
    init,
    random,
  }: MultiHeadAttentionConfig) {
    super();
    if (dim % numHeads !== 0)
      throw new ConfigError(`MultiHeadAttention: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
    if (numHeads % numKvHeads !== 0)
      throw new ConfigError(
        `MultiHeadAttention: numHeads must be divisible by numKvHeads, got ${numHeads} and ${numKvHeads}`,
      );
    const kvDim = (dim / numHeads) * numKvHeads;
    const shared = { bias, ...(init && { init }), random };
    this.query = new Linear<Tensor3D>({ inDim: dim, outDim: dim, ...shared });
    this.key = new Linear<Tensor3D>({ inDim: contextDim, outDim: kvDim, ...shared });
    this.value = new Linear<Tensor3D>({ inDim: valueDim, outDim: kvDim, ...shared });
    this.output = new Linear<Tensor3D>({ inDim: dim, outDim: dim, ...shared, bias: outputBias });
    this.numHeads = numHeads;
    this.numKvHeads = numKvHeads;
    this.#options = { causal, dropout };
  }

  protected override forward(
    x: Tensor3D,
    { context = x, valueContext = context, mask, bias, cache }: AttentionOptions = {},
  ): Tensor3D {
    const q = splitHeads(this.query.call(x), this.numHeads); // [batch, heads, queries, headDim]
    const seen = this.extend({ k: this.key.call(context), v: this.value.call(valueContext), mask, bias });
    const newK = splitHeads(seen.k, this.numKvHeads); // [batch, kvHeads, newKeys, headDim]
    const newV = splitHeads(seen.v, this.numKvHeads); // [batch, kvHeads, newKeys, headDim]
    const [k, v] = cache ? cache.append(newK, newV) : [newK, newV]; // each [batch, kvHeads, keys, headDim]
    const options = { ...this.#options, mask: seen.mask, bias: seen.bias };
    report(context === x ? 'attentions' : 'crossAttentions', () => attentionWeights(q, k, options)); // [batch, heads, queries, keys]
    return this.output.call(mergeHeads(attend(q, k, v, options))); // [batch, queries, dim]
  }

  /** What queries may attend to, before heads are split; for subclasses that add to it. */
  protected extend(seen: KeysAndValues): KeysAndValues {
    return seen;
  }
}
