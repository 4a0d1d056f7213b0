import {
  attend,
  attendMerged,
  type AttendOptions,
  attentionWeights,
  ConfigError,
  mergeHeads,
  type RandomStream,
  report,
  splitHeads,
} from '@formers/backend';
import { type Initializer, Linear, Module } from '@formers/nn';
import type { Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';

import type { CrossCache } from './encoder-decoder-cache.ts';
import { forCache } from './for-cache.ts';
import type { LayerCache } from './kv-cache.ts';

/** Positions that turn queries and keys, such as `RotaryPositions` of `@formers/positional`. */
export interface RotatesHeads {
  /**
   * @param x [batch, heads, seq, headDim]
   * @param options.offset Position of the first token; default 0.
   * @param options.positionIds int32 [batch or 1, seq], instead of counting from `offset`.
   * @returns [batch, heads, seq, headDim]
   */
  rotate(x: Tensor4D, options: { offset?: number; positionIds?: Tensor2D | undefined }): Tensor4D;
}

/** Options of {@link MultiHeadAttention}. */
export interface MultiHeadAttentionConfig {
  dim: number;
  numHeads: number;
  /** Heads of keys and values, each serving `numHeads / numKvHeads` query heads; default `numHeads`. */
  numKvHeads?: number;
  /** Width of each head; default `dim / numHeads`. */
  headDim?: number;
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
  /** Query i sees nothing before the last `window` keys up to its own position; default all. */
  window?: number | undefined;
  /** Factor of the scores; default `1 / √headDim`. */
  scale?: number | undefined;
  /** Positions that turn queries and keys; default none. */
  rotary?: RotatesHeads | undefined;
  /** Of the attention weights; default 0. */
  dropout?: number;
  init?: Initializer;
  /** Of the output projection; default `init`. */
  outputInit?: Initializer | undefined;
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
  /** False where the mask alone says what each token sees; default as the module was made. */
  causal?: boolean | undefined;
  /** int32 [batch or 1, queries]: positions for `rotary`; default counts on from the cache. */
  positionIds?: Tensor2D | undefined;
  /** Keys and values of earlier tokens; the new ones are added. */
  cache?: LayerCache | undefined;
  /** Keeps the keys and values of `context`, which are computed at the first call only. */
  crossCache?: CrossCache | undefined;
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
  readonly #rotary: RotatesHeads | undefined;

  constructor({
    dim,
    numHeads,
    numKvHeads = numHeads,
    headDim = dim / numHeads,
    contextDim = dim,
    valueDim = contextDim,
    bias = true,
    outputBias = bias,
    causal = false,
    window,
    scale,
    rotary,
    dropout = 0,
    init,
    outputInit = init,
    random,
  }: MultiHeadAttentionConfig) {
    super();
    if (!Number.isInteger(headDim))
      throw new ConfigError(`MultiHeadAttention: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
    if (numHeads % numKvHeads !== 0)
      throw new ConfigError(
        `MultiHeadAttention: numHeads must be divisible by numKvHeads, got ${numHeads} and ${numKvHeads}`,
      );
    const kvDim = headDim * numKvHeads;
    const shared = { bias, ...(init && { init }), random };
    this.query = new Linear<Tensor3D>({ inDim: dim, outDim: headDim * numHeads, ...shared });
    this.key = new Linear<Tensor3D>({ inDim: contextDim, outDim: kvDim, ...shared });
    this.value = new Linear<Tensor3D>({ inDim: valueDim, outDim: kvDim, ...shared });
    this.output = new Linear<Tensor3D>({
      inDim: headDim * numHeads,
      outDim: dim,
      bias: outputBias,
      ...(outputInit && { init: outputInit }),
      random,
    });
    this.numHeads = numHeads;
    this.numKvHeads = numKvHeads;
    this.#options = { causal, window, scale, dropout };
    this.#rotary = rotary;
  }

  protected override forward(x: Tensor3D, call: AttentionOptions = {}): Tensor3D {
    const { cache, crossCache } = call;
    const attended = cache || crossCache || this.#rotary ? this.#attendSplit(x, call) : this.#attendMerged(x, call);
    return this.output.call(attended); // [batch, queries, dim]
  }

  /** [batch, queries, dim] to [batch, queries, heads · headDim], heads where the projections leave them: nothing is copied. */
  #attendMerged(x: Tensor3D, call: AttentionOptions): Tensor3D {
    const { context = x, valueContext = context, causal = this.#options.causal } = call;
    const { numHeads, numKvHeads } = this;
    const q = this.query.call(x, { inner: true }); // [batch, queries, heads * headDim]
    const [key, value] = [this.key.call(context, { inner: true }), this.value.call(valueContext, { inner: true })];
    const { k, v, mask, bias } = this.extend({ k: key, v: value, mask: call.mask, bias: call.bias }); // each [batch, keys, kvHeads * headDim]
    const options = { ...this.#options, causal, mask, bias };
    reportMap(x, call, () => attentionWeights(splitHeads(q, numHeads), splitHeads(k, numKvHeads), options));
    return attendMerged(q, k, v, { ...options, numHeads, numKvHeads });
  }

  /** The same with heads apart, as rotary positions and caches want them. */
  #attendSplit(x: Tensor3D, call: AttentionOptions): Tensor3D {
    const { context = x, valueContext = context, cache, crossCache, causal = this.#options.causal, positionIds } = call;
    const offset = cache?.length ?? 0;
    const place = { offset, positionIds };
    const q = this.#rotate(splitHeads(this.query.call(x), this.numHeads), place); // [batch, heads, queries, headDim]
    let { mask, bias } = call;
    const project = (): readonly [k: Tensor4D, v: Tensor4D] => {
      const seen = this.extend({ k: this.key.call(context), v: this.value.call(valueContext), mask, bias });
      ({ mask, bias } = seen);
      return [this.#rotate(splitHeads(seen.k, this.numKvHeads), place), splitHeads(seen.v, this.numKvHeads)]; // each [batch, kvHeads, newKeys, headDim]
    };
    const [k, v] = crossCache ? crossCache.get(project) : cache ? cache.append(...project()) : project(); // each [batch, kvHeads, keys, headDim]
    const given = { ...this.#options, causal, mask, bias };
    const options = cache ? forCache(given, { cache, keys: k.shape[2], queries: x.shape[1] }) : given;
    reportMap(x, call, () => attentionWeights(q, k, options));
    return mergeHeads(attend(q, k, v, options));
  }

  #rotate(x: Tensor4D, place: { offset: number; positionIds: Tensor2D | undefined }): Tensor4D {
    return this.#rotary ? this.#rotary.rotate(x, place) : x;
  }

  /** What queries may attend to, before heads are split; for subclasses that add to it. */
  protected extend(seen: KeysAndValues): KeysAndValues {
    return seen;
  }
}

/** Reports a map [batch, heads, queries, keys], of self-attention or of cross-attention. */
function reportMap(x: Tensor3D, { context = x }: AttentionOptions, map: () => Tensor4D): void {
  report(context === x ? 'attentions' : 'crossAttentions', map);
}
