import {
  attend,
  type AttendOptions,
  attentionWeights,
  ConfigError,
  mergeHeads,
  type RandomStream,
  report,
  selfAttend,
  splitHeads,
} from '@formers/backend';
import { type Initializer, Linear, Module } from '@formers/nn';
import { split, type Tensor3D, type Tensor4D } from '@tensorflow/tfjs-core';

import { forCache } from './for-cache.ts';
import type { LayerCache } from './kv-cache.ts';

/** Options of {@link FusedSelfAttention}. */
export interface FusedSelfAttentionConfig {
  dim: number;
  numHeads: number;
  /** Whether a token sees only itself and those before it. */
  causal: boolean;
  /** Whether the two projections have biases; default true. */
  bias?: boolean;
  /** Of the attention weights; default 0. */
  dropout?: number;
  /** Factor of the scores; default `1 / √headDim`. */
  scale?: number | undefined;
  /** Token i sees nothing before the last `window` tokens up to its own position; default all. */
  window?: number | undefined;
  init?: Initializer;
  /** Of the output projection; default `init`. */
  outputInit?: Initializer | undefined;
  random: RandomStream | null;
}

/** What a self-attention call may be told. */
export interface SelfAttentionOptions {
  /** bool, broadcastable to [batch, heads, queries, keys]; true = may attend. */
  mask?: AttendOptions['mask'];
  /** float32 and finite, broadcastable to [batch, heads, queries, keys]; added to the scores. */
  bias?: AttendOptions['bias'];
  /** False where the mask alone says what each token sees; default as the module was made. */
  causal?: boolean | undefined;
  /** Keys and values of earlier tokens; the new ones are added. */
  cache?: LayerCache | undefined;
}

/** Multi-head self-attention whose query, key and value projections are one matrix, as in GPT-2: [batch, seq, dim] to [batch, seq, dim]. */
export class FusedSelfAttention extends Module<[x: Tensor3D, options?: SelfAttentionOptions], Tensor3D> {
  /** [3 · dim, dim]: the rows of the queries, then the keys, then the values. */
  queryKeyValue: Linear<Tensor3D>;
  output: Linear<Tensor3D>;
  readonly numHeads: number;
  readonly #options: AttendOptions;

  constructor({
    dim,
    numHeads,
    causal,
    bias = true,
    dropout = 0,
    scale,
    window,
    init,
    outputInit = init,
    random,
  }: FusedSelfAttentionConfig) {
    super();
    if (dim % numHeads !== 0)
      throw new ConfigError(`FusedSelfAttention: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
    this.queryKeyValue = new Linear<Tensor3D>({ inDim: dim, outDim: 3 * dim, bias, ...(init && { init }), random });
    this.output = new Linear<Tensor3D>({
      inDim: dim,
      outDim: dim,
      bias,
      ...(outputInit && { init: outputInit }),
      random,
    });
    this.numHeads = numHeads;
    this.#options = { causal, window, dropout, scale };
  }

  protected override forward(
    x: Tensor3D,
    { mask, bias, causal = this.#options.causal, cache }: SelfAttentionOptions = {},
  ): Tensor3D {
    const { numHeads } = this;
    const options = { ...this.#options, causal, mask, bias };
    const qkv = this.queryKeyValue.call(x); // [batch, seq, 3 * dim]
    if (!cache) {
      report('attentions', () => {
        const [q, k] = this.#heads(qkv);
        return attentionWeights(q, k, options); // [batch, heads, seq, seq]
      });
      return this.output.call(selfAttend(qkv, { ...options, numHeads })); // [batch, seq, dim]
    }
    const [q, newK, newV] = this.#heads(qkv); // each [batch, heads, seq, headDim]
    const [k, v] = cache.append(newK, newV); // each [batch, heads, keys, headDim]
    const cached = forCache(options, { cache, keys: k.shape[2], queries: x.shape[1] });
    report('attentions', () => attentionWeights(q, k, cached)); // [batch, heads, seq, keys]
    return this.output.call(mergeHeads(attend(q, k, v, cached))); // [batch, seq, dim]
  }

  #heads(qkv: Tensor3D): [q: Tensor4D, k: Tensor4D, v: Tensor4D] {
    return split<Tensor3D>(qkv, 3, 2).map((part) => splitHeads(part, this.numHeads)) as [Tensor4D, Tensor4D, Tensor4D];
  }
}
