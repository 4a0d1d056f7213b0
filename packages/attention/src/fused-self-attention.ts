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
import {
  cast,
  concat,
  logicalNot,
  mul,
  split,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';

import { forCache } from './for-cache.ts';
import type { LayerCache } from './kv-cache.ts';
import type { RotatesHeads } from './multi-head-attention.ts';

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
  /** Positions that turn queries and keys; default none. */
  rotary?: RotatesHeads | undefined;
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
  /** bool, broadcastable to [batch, heads, queries, 1]: queries that weigh all keys they may attend to alike, without a gradient; default none. */
  evenly?: Tensor | undefined;
  /** False where the mask alone says what each token sees; default as the module was made. */
  causal?: boolean | undefined;
  /** int32 [batch or 1, seq]: positions for `rotary`; default counts on from the cache. */
  positionIds?: Tensor2D | undefined;
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
  readonly #rotary: RotatesHeads | undefined;

  constructor({
    dim,
    numHeads,
    causal,
    bias = true,
    dropout = 0,
    scale,
    window,
    rotary,
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
    this.#rotary = rotary;
  }

  protected override forward(x: Tensor3D, call: SelfAttentionOptions = {}): Tensor3D {
    const isSplit = call.cache !== undefined || this.#rotary !== undefined;
    const projected = this.queryKeyValue.call(x, { inner: !isSplit }); // [batch, seq, 3 * dim]
    const qkv = call.evenly ? this.#withoutQueries(projected, call.evenly) : projected;
    const attended = isSplit ? this.#attendSplit(qkv, call) : this.#attendFused(qkv, call);
    return this.output.call(attended); // [batch, seq, dim]
  }

  /** [batch, seq, 3 · dim] to [batch, seq, dim], heads where the projection leaves them. */
  #attendFused(qkv: Tensor3D, { mask, bias, causal = this.#options.causal }: SelfAttentionOptions): Tensor3D {
    const options = { ...this.#options, causal, mask, bias };
    report('attentions', () => {
      const [q, k] = this.#heads(qkv);
      return attentionWeights(q, k, options); // [batch, heads, seq, seq]
    });
    return selfAttend(qkv, { ...options, numHeads: this.numHeads });
  }

  /** The same with heads apart, as rotary positions and caches want them. */
  #attendSplit(
    qkv: Tensor3D,
    { mask, bias, causal = this.#options.causal, positionIds, cache }: SelfAttentionOptions,
  ): Tensor3D {
    const place = { offset: cache?.length ?? 0, positionIds };
    const turn = (heads: Tensor4D): Tensor4D => this.#rotary?.rotate(heads, place) ?? heads;
    const [plainQ, plainK, newV] = this.#heads(qkv); // each [batch, heads, seq, headDim]
    const [q, newK] = [turn(plainQ), turn(plainK)];
    const [k, v] = cache ? cache.append(newK, newV) : [newK, newV]; // each [batch, heads, keys, headDim]
    const given = { ...this.#options, causal, mask, bias };
    const options = cache ? forCache(given, { cache, keys: k.shape[2], queries: qkv.shape[1] }) : given;
    report('attentions', () => attentionWeights(q, k, options)); // [batch, heads, seq, keys]
    return mergeHeads(attend(q, k, v, options));
  }

  /** Queries of zeros, whose scores are 0 for every key. */
  #withoutQueries(qkv: Tensor3D, evenly: Tensor): Tensor3D {
    const dim = qkv.shape[2] / 3;
    const [q, keysAndValues] = split(qkv, [dim, 2 * dim], 2) as [Tensor3D, Tensor3D];
    const kept: Tensor4D = mul(splitHeads(q, this.numHeads), cast(logicalNot(evenly), 'float32')); // [batch, heads, seq, headDim]
    return concat([mergeHeads(kept), keysAndValues], 2);
  }

  #heads(qkv: Tensor3D): [q: Tensor4D, k: Tensor4D, v: Tensor4D] {
    return split<Tensor3D>(qkv, 3, 2).map((part) => splitHeads(part, this.numHeads)) as [Tensor4D, Tensor4D, Tensor4D];
  }
}
