import { MultiHeadAttention } from '@formers/attention';
import { type AttendOptions, checkShape, type RandomStream, report } from '@formers/backend';
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
import { add, type Tensor2D, type Tensor3D, zeros } from '@tensorflow/tfjs-core';

import { encoderMask } from '../attention-mask.ts';
import { FirstTokenPooler } from '../heads/first-token-pooler.ts';
import type { SegmentedOptions } from '../heads/text-encoder.ts';
import { type BertConfig, bertConfig, type BertOptions } from './config.ts';
import { BERT_MODEL } from './hf.ts';

/** What a layer has to know of its model. */
export type BertLayerConfig = Pick<
  BertConfig,
  'dim' | 'hiddenDim' | 'numHeads' | 'activation' | 'dropout' | 'attentionDropout' | 'normEpsilon' | 'initStd'
> & {
  /** Of what attention adds to the residual stream; default `dropout`. DistilBERT has none. */
  attentionOutputDropout?: number;
};

/** Who sees whom in a layer. */
type LayerMasks = Pick<AttendOptions, 'mask' | 'bias'>;

/** One encoder layer, post-norm: `norm1(x + attention(x))`, then `norm2(x + mlp(x))` (Vaswani et al. 2017, section 3.1); also of RoBERTa and DistilBERT. */
export class BertLayer extends Module<[x: Tensor3D, masks?: LayerMasks], Tensor3D> {
  attention: MultiHeadAttention;
  norm1: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  norm2: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(
    {
      dim,
      hiddenDim,
      numHeads,
      activation,
      dropout,
      attentionDropout,
      attentionOutputDropout = dropout,
      normEpsilon,
      initStd,
    }: BertLayerConfig,
    random: RandomStream | null,
  ) {
    super();
    const init = normal(initStd);
    this.attention = new MultiHeadAttention({ dim, numHeads, dropout: attentionDropout, init, random });
    this.norm1 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.mlp = new FeedForward({ dim, hiddenDim, activation, dropout, init, random });
    this.norm2 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.dropout = new Dropout(attentionOutputDropout);
  }

  protected override forward(x: Tensor3D, masks?: LayerMasks): Tensor3D {
    const attended = this.dropout.call(this.attention.call(x, masks)); // [batch, seq, dim]
    const normed = this.norm1.call(attended, { residual: x }); // [batch, seq, dim]
    return this.norm2.call(this.mlp.call(normed), { residual: normed }); // [batch, seq, dim]
  }
}

/** The encoder of BERT (Devlin et al. 2019, section 3): ids [batch, seq] to hidden states [batch, seq, dim]. */
export class BertEncoder extends Module<[ids: Tensor2D, options?: SegmentedOptions], Tensor3D> {
  tokens: Embedding;
  positions: LearnedPositions;
  tokenTypes: Embedding;
  norm: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;
  layers: BertLayer[];

  constructor(config: BertConfig, random: RandomStream | null) {
    super();
    const { vocabSize, contextLength, numTokenTypes, dim, numLayers, dropout, normEpsilon, initStd } = config;
    const init = normal(initStd);
    this.tokens = new Embedding({ vocabSize, dim, init, paddingId: config.padTokenId, random });
    this.positions = new LearnedPositions({ contextLength, dim, init, random });
    this.tokenTypes = new Embedding({ vocabSize: numTokenTypes, dim, init, random });
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
    this.dropout = new Dropout(dropout);
    this.layers = Array.from({ length: numLayers }, () => new BertLayer(config, random));
  }

  protected override forward(
    ids: Tensor2D,
    { attentionMask, positionIds, tokenTypeIds }: SegmentedOptions = {},
  ): Tensor3D {
    checkShape('BertEncoder: ids', ids, ['batch', 'seq']);
    const [batch, seq] = ids.shape;
    if (tokenTypeIds) checkShape('BertEncoder: tokenTypeIds', tokenTypeIds, [batch, seq]);
    if (positionIds) checkShape('BertEncoder: positionIds', positionIds, [positionIds.shape[0] === 1 ? 1 : batch, seq]);
    const masks = attentionMask && encoderMask(attentionMask, seq);
    const positions = this.positions.call(positionIds ? { positionIds } : { seq }); // [1 or batch, seq, dim]
    const types = this.tokenTypes.call(tokenTypeIds ?? zeros([1, 1], 'int32')); // [batch, seq, dim], or [1, 1, dim]: all in the first segment
    const embedded: Tensor3D = add(this.tokens.call(ids), add(positions, types)); // [batch, seq, dim]
    let x = this.dropout.call(this.norm.call(embedded)); // [batch, seq, dim]
    for (const layer of this.layers) {
      report('hiddenStates', () => x);
      x = layer.call(x, masks); // [batch, seq, dim]
    }
    report('hiddenStates', () => x);
    return x;
  }
}

/** What {@link BertModel} computes. */
export interface BertOutput {
  /** [batch, seq, dim] */
  hidden: Tensor3D;
  /** [batch, dim]: the first token through a layer of its own, where the model has one. */
  pooled: Tensor2D | undefined;
}

/** Whether a model has the layer on its first token, which checkpoints of masked language models lack; default true. */
export interface PoolerOption {
  pooler?: boolean;
}

/** A BERT without a head: hidden states of all tokens, and the pooled first one. */
export class BertModel extends PretrainedModel<[ids: Tensor2D, options?: SegmentedOptions], BertOutput, BertConfig> {
  readonly config: BertConfig;
  readonly format: typeof BERT_MODEL = BERT_MODEL;
  encoder: BertEncoder;
  pooler: FirstTokenPooler | undefined;

  constructor(options: BertOptions, { pooler = true, ...init }: InitOptions & PoolerOption = {}) {
    super();
    this.config = bertConfig(options);
    this.encoder = new BertEncoder(this.config, initStream(init));
    this.pooler = pooler ? bertPooler(this.config, init) : undefined;
  }

  protected override forward(ids: Tensor2D, options?: SegmentedOptions): BertOutput {
    const hidden = this.encoder.call(ids, options); // [batch, seq, dim]
    return { hidden, pooled: this.pooler?.call(hidden) };
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    { pooler = true, ...options }: PretrainedOptions & PoolerOption = {},
  ): Promise<BertModel> {
    return loadPretrained(location, {
      format: BERT_MODEL,
      create: (config, init) => new BertModel(config, { ...init, pooler }),
      options,
    });
  }
}

/** The layer on the first token, which learns from next sentences: `tanh(x₀ Wᵀ + b)`. */
export function bertPooler({ dim, initStd }: Pick<BertConfig, 'dim' | 'initStd'>, init: InitOptions): FirstTokenPooler {
  return new FirstTokenPooler({ dim, activation: 'tanh', initStd, random: initStream(init, 'pooler-init') });
}
