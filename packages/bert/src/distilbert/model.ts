import { checkShape, type RandomStream, report } from '@formers/backend';
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
import { LearnedPositions, sinusoidal } from '@formers/positional';
import { add, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';

import { encoderMask } from '../attention-mask.ts';
import { BertLayer } from '../bert/model.ts';
import type { EncoderOptions } from '../heads/text-encoder.ts';
import { type DistilBertConfig, distilBertConfig, type DistilBertOptions } from './config.ts';
import { DISTILBERT_MODEL } from './hf.ts';

/** Of all its norms. */
export const NORM_EPSILON = 1e-12;

/** The encoder of DistilBERT (Sanh et al. 2019, section 3): half of BERT's layers, without segments. Ids [batch, seq] to hidden states [batch, seq, dim]. */
export class DistilBertEncoder extends Module<[ids: Tensor2D, options?: EncoderOptions], Tensor3D> {
  tokens: Embedding;
  positions: LearnedPositions;
  norm: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;
  layers: BertLayer[];

  constructor(config: DistilBertConfig, random: RandomStream | null) {
    super();
    const { vocabSize, contextLength, dim, numLayers, dropout, initStd, sinusoidalPositions } = config;
    const init = normal(initStd);
    const positions = sinusoidalPositions ? () => sinusoidal({ length: contextLength, dim }) : init;
    const layer = { ...config, normEpsilon: NORM_EPSILON, attentionOutputDropout: 0 };
    this.tokens = new Embedding({ vocabSize, dim, init, paddingId: config.padTokenId, random });
    this.positions = new LearnedPositions({ contextLength, dim, init: positions, random });
    this.norm = new LayerNorm({ dim, epsilon: NORM_EPSILON });
    this.dropout = new Dropout(dropout);
    this.layers = Array.from({ length: numLayers }, () => new BertLayer(layer, random));
  }

  protected override forward(ids: Tensor2D, { attentionMask, positionIds }: EncoderOptions = {}): Tensor3D {
    checkShape('DistilBertEncoder: ids', ids, ['batch', 'seq']);
    const [batch, seq] = ids.shape;
    if (positionIds)
      checkShape('DistilBertEncoder: positionIds', positionIds, [positionIds.shape[0] === 1 ? 1 : batch, seq]);
    const masks = attentionMask && encoderMask(attentionMask, seq);
    const positions = this.positions.call(positionIds ? { positionIds } : { seq }); // [1 or batch, seq, dim]
    const embedded: Tensor3D = add(this.tokens.call(ids), positions); // [batch, seq, dim]
    let x = this.dropout.call(this.norm.call(embedded)); // [batch, seq, dim]
    for (const layer of this.layers) {
      report('hiddenStates', () => x);
      x = layer.call(x, masks); // [batch, seq, dim]
    }
    report('hiddenStates', () => x);
    return x;
  }
}

/** A DistilBERT without a head: ids [batch, seq] to hidden states [batch, seq, dim]. */
export class DistilBertModel extends PretrainedModel<
  [ids: Tensor2D, options?: EncoderOptions],
  Tensor3D,
  DistilBertConfig
> {
  readonly config: DistilBertConfig;
  readonly format: typeof DISTILBERT_MODEL = DISTILBERT_MODEL;
  encoder: DistilBertEncoder;

  constructor(options: DistilBertOptions, init: InitOptions = {}) {
    super();
    this.config = distilBertConfig(options);
    this.encoder = new DistilBertEncoder(this.config, initStream(init));
  }

  protected override forward(ids: Tensor2D, options?: EncoderOptions): Tensor3D {
    return this.encoder.call(ids, options); // [batch, seq, dim]
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<DistilBertModel> {
    return loadPretrained(location, {
      format: DISTILBERT_MODEL,
      create: (config, init) => new DistilBertModel(config, init),
      options,
    });
  }
}
