import { checkShape, type RandomStream, report, ShapeError } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Dropout,
  Embedding,
  type InitOptions,
  initStream,
  LayerNorm,
  loadPretrained,
  Module,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { positionIdsFromPadding } from '@formers/positional';
import { add, type Tensor2D, type Tensor3D, zeros } from '@tensorflow/tfjs-core';

import { encoderMask } from '../attention-mask.ts';
import { BertLayer, type BertOutput, bertPooler, type PoolerOption } from '../bert/model.ts';
import type { FirstTokenPooler } from '../heads/first-token-pooler.ts';
import type { SegmentedOptions } from '../heads/text-encoder.ts';
import { type RobertaConfig, robertaConfig, type RobertaOptions } from './config.ts';
import { ROBERTA_MODEL } from './hf.ts';

/**
 * The encoder of RoBERTa (Liu et al. 2019): BERT's, but positions are told by the tokens. The first one that isn't padding has position
 * `padTokenId + 1`, padding has `padTokenId`. Ids [batch, seq] to hidden states [batch, seq, dim].
 */
export class RobertaEncoder extends Module<[ids: Tensor2D, options?: SegmentedOptions], Tensor3D> {
  tokens: Embedding;
  /** A row for each position up to `padTokenId + contextLength`; those before the padding's have no use. */
  positions: Embedding;
  tokenTypes: Embedding;
  norm: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;
  layers: BertLayer[];
  readonly #config: RobertaConfig;

  constructor(config: RobertaConfig, random: RandomStream | null) {
    super();
    const { vocabSize, contextLength, numTokenTypes, dim, numLayers, dropout, normEpsilon, initStd } = config;
    const { padTokenId: paddingId } = config;
    const init = normal(initStd);
    this.#config = config;
    this.tokens = new Embedding({ vocabSize, dim, init, paddingId, random });
    this.positions = new Embedding({ vocabSize: paddingId + 1 + contextLength, dim, init, paddingId, random });
    this.tokenTypes = new Embedding({ vocabSize: numTokenTypes, dim, init, random });
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
    this.dropout = new Dropout(dropout);
    this.layers = Array.from({ length: numLayers }, () => new BertLayer(config, random));
  }

  /** @throws {@link ShapeError} for more tokens than there are positions. */
  protected override forward(
    ids: Tensor2D,
    { attentionMask, positionIds, tokenTypeIds }: SegmentedOptions = {},
  ): Tensor3D {
    checkShape('RobertaEncoder: ids', ids, ['batch', 'seq']);
    const [batch, seq] = ids.shape;
    const { contextLength, padTokenId } = this.#config;
    if (tokenTypeIds) checkShape('RobertaEncoder: tokenTypeIds', tokenTypeIds, [batch, seq]);
    if (positionIds)
      checkShape('RobertaEncoder: positionIds', positionIds, [positionIds.shape[0] === 1 ? 1 : batch, seq]);
    else if (seq > contextLength)
      throw new ShapeError(`RobertaEncoder: there are ${contextLength} positions, got ${seq} tokens`);
    const masks = attentionMask && encoderMask(attentionMask, seq);
    const positions = this.positions.call(positionIds ?? positionIdsFromPadding(ids, { padTokenId })); // [1 or batch, seq, dim]
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

/** A RoBERTa without a head: hidden states of all tokens, and the pooled first one. */
export class RobertaModel extends PretrainedModel<
  [ids: Tensor2D, options?: SegmentedOptions],
  BertOutput,
  RobertaConfig
> {
  readonly config: RobertaConfig;
  readonly format: typeof ROBERTA_MODEL = ROBERTA_MODEL;
  encoder: RobertaEncoder;
  pooler: FirstTokenPooler | undefined;

  constructor(options: RobertaOptions, { pooler = true, ...init }: InitOptions & PoolerOption = {}) {
    super();
    this.config = robertaConfig(options);
    this.encoder = new RobertaEncoder(this.config, initStream(init));
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
  ): Promise<RobertaModel> {
    return loadPretrained(location, {
      format: ROBERTA_MODEL,
      create: (config, init) => new RobertaModel(config, { ...init, pooler }),
      options,
    });
  }
}
