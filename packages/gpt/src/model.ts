import { causalPaddingMask, FusedSelfAttention, type KVCache, type SelfAttentionOptions } from '@formers/attention';
import { checkShape, type RandomStream, report } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Dropout,
  Embedding,
  FeedForward,
  type InitOptions,
  initStream,
  LayerNorm,
  loadPretrained,
  Module,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { LearnedPositions } from '@formers/positional';
import { add, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';

import { type GPTConfig, gptConfig, type GPTOptions } from './config.ts';
import { GPT2_MODEL } from './hf.ts';

/** What a GPT may be told besides the ids. */
export interface GPTCallOptions {
  /** [batch, keys], 1 = token, 0 = padding; with a cache, of all tokens, those in it first. Default: no padding. */
  attentionMask?: Tensor2D | undefined;
  /** int32 [batch, seq], or [1, seq] for all rows; default counts on from the cache. */
  positionIds?: Tensor2D | undefined;
  /** Keys and values of earlier tokens; the new ones are added. */
  cache?: KVCache | undefined;
}

/** One decoder layer, pre-norm: `x + attention(norm1(x))`, then `x + mlp(norm2(x))` (GPT-2, section 2.3). */
export class GPTLayer extends Module<[x: Tensor3D, options?: SelfAttentionOptions], Tensor3D> {
  norm1: LayerNorm<Tensor3D>;
  attention: FusedSelfAttention;
  norm2: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: GPTConfig, { index, random }: { index: number; random: RandomStream | null }) {
    super();
    const { dim, hiddenDim, numHeads, numLayers, activation, attentionDropout, residualDropout, normEpsilon, initStd } =
      config;
    const init = normal(initStd);
    const outputInit = normal(initStd / Math.sqrt(2 * numLayers));
    const scale =
      (config.scaleAttention ? 1 / Math.sqrt(dim / numHeads) : 1) / (config.scaleAttentionByLayer ? index + 1 : 1);
    this.norm1 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.attention = new FusedSelfAttention({
      dim,
      numHeads,
      causal: true,
      dropout: attentionDropout,
      scale,
      init,
      outputInit,
      random,
    });
    this.norm2 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.mlp = new FeedForward({ dim, hiddenDim, activation, dropout: residualDropout, init, outputInit, random });
    this.dropout = new Dropout(residualDropout);
  }

  protected override forward(x: Tensor3D, options?: SelfAttentionOptions): Tensor3D {
    const attended: Tensor3D = add(x, this.dropout.call(this.attention.call(this.norm1.call(x), options))); // [batch, seq, dim]
    return add(attended, this.mlp.call(this.norm2.call(attended))); // [batch, seq, dim]
  }
}

/** The decoder stack of GPT-2 (Radford et al. 2019) without a head: ids [batch, seq] to hidden states [batch, seq, dim]. */
export class GPTModel extends PretrainedModel<[ids: Tensor2D, options?: GPTCallOptions], Tensor3D, GPTConfig> {
  readonly config: GPTConfig;
  readonly format: typeof GPT2_MODEL = GPT2_MODEL;
  tokens: Embedding;
  positions: LearnedPositions;
  readonly dropout: Dropout<Tensor3D>;
  layers: GPTLayer[];
  norm: LayerNorm<Tensor3D>;

  constructor(options: GPTOptions, init: InitOptions = {}) {
    super();
    const config = gptConfig(options);
    const random = initStream(init);
    const { vocabSize, contextLength, dim, numLayers, embeddingDropout, normEpsilon, initStd } = config;
    const start = normal(initStd);
    this.config = config;
    this.tokens = new Embedding({ vocabSize, dim, init: start, random });
    this.positions = new LearnedPositions({ contextLength, dim, init: start, random });
    this.dropout = new Dropout(embeddingDropout);
    this.layers = Array.from({ length: numLayers }, (_, index) => new GPTLayer(config, { index, random }));
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
  }

  protected override forward(ids: Tensor2D, { attentionMask, positionIds, cache }: GPTCallOptions = {}): Tensor3D {
    checkShape('GPTModel: ids', ids, ['batch', 'seq']);
    const [batch, seq] = ids.shape;
    if (attentionMask) checkShape('GPTModel: attentionMask', attentionMask, [batch, (cache?.length ?? 0) + seq]);
    if (positionIds) checkShape('GPTModel: positionIds', positionIds, [positionIds.shape[0] === 1 ? 1 : batch, seq]);
    const positions = this.positions.call(positionIds ? { positionIds } : { seq, offset: cache?.length ?? 0 }); // [1 or batch, seq, dim]
    const masks = attentionMask && { ...causalPaddingMask(attentionMask, seq), causal: false };
    let x = this.dropout.call(add(this.tokens.call(ids), positions)); // [batch, seq, dim]
    for (const [i, layer] of this.layers.entries()) {
      report('hiddenStates', () => x);
      x = layer.call(x, { ...masks, cache: cache?.layer(i) }); // [batch, seq, dim]
    }
    x = this.norm.call(x); // [batch, seq, dim]
    report('hiddenStates', () => x);
    return x;
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPTModel> {
    return loadPretrained(location, {
      format: GPT2_MODEL,
      create: (config, init) => new GPTModel(config, init),
      options,
    });
  }
}
