import { causalPaddingMask, type KVCache, type EncoderDecoderCache, paddingMask } from '@formers/attention';
import { checkShape, type RandomStream, report } from '@formers/backend';
import { Dropout, LayerNorm, Module, normal } from '@formers/nn';
import { LearnedPositions } from '@formers/positional';
import { add, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';

import type { BARTConfig } from './config.ts';
import { BARTDecoderLayer, BARTEncoderLayer } from './layers.ts';

/** What an encoder is told besides the source. */
export interface BARTEncodeOptions {
  /** Of the source: [batch, seq], 1 = token, 0 = padding; default no padding. */
  attentionMask?: Tensor2D | undefined;
}

/** The encoder of BART (Lewis et al. 2020, section 2.1): embedded tokens to states, both [batch, seq, dim]. */
export class BARTEncoder extends Module<[x: Tensor3D, options?: BARTEncodeOptions], Tensor3D> {
  positions: LearnedPositions;
  norm: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;
  layers: BARTEncoderLayer[];

  constructor(config: BARTConfig, random: RandomStream | null) {
    super();
    this.positions = createPositions(config, random);
    this.norm = new LayerNorm({ dim: config.dim });
    this.dropout = new Dropout(config.dropout);
    this.layers = Array.from({ length: config.numLayers }, () => new BARTEncoderLayer(config, random));
  }

  protected override forward(embedded: Tensor3D, { attentionMask }: BARTEncodeOptions = {}): Tensor3D {
    const [batch, seq] = embedded.shape;
    if (attentionMask) checkShape('BARTEncoder: attentionMask', attentionMask, [batch, seq]);
    const mask = attentionMask && paddingMask(attentionMask); // [batch, 1, 1, seq]
    let x = this.dropout.call(this.norm.call(add(embedded, this.positions.call({ seq })))); // [batch, seq, dim]
    report('hiddenStates', () => x);
    for (const layer of this.layers) {
      x = layer.call(x, { mask }); // [batch, seq, dim]
      report('hiddenStates', () => x);
    }
    return x;
  }
}

/** What a decoder is told besides the target. */
export interface BARTDecoderOptions extends BARTEncodeOptions {
  /** The source's states from the encoder: [batch, keys, dim]; without them the decoder sees the target alone. */
  encoded?: Tensor3D | undefined;
  /** Of the target: [batch, seq]; with a cache, of all its tokens, those in the cache first. Default no padding. */
  decoderAttentionMask?: Tensor2D | undefined;
  /** Keys and values of earlier tokens of the target; an {@link EncoderDecoderCache} has those of the source, too, which is read at the first call only. */
  cache?: KVCache | EncoderDecoderCache | undefined;
}

/** The decoder of BART (Lewis et al. 2020, section 2.1): embedded tokens of the target to states, both [batch, seq, dim]. */
export class BARTDecoder extends Module<[x: Tensor3D, options?: BARTDecoderOptions], Tensor3D> {
  positions: LearnedPositions;
  norm: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;
  layers: BARTDecoderLayer[];

  constructor(config: BARTConfig, random: RandomStream | null) {
    super();
    this.positions = createPositions(config, random);
    this.norm = new LayerNorm({ dim: config.dim });
    this.dropout = new Dropout(config.dropout);
    this.layers = Array.from({ length: config.numDecoderLayers }, () => new BARTDecoderLayer(config, random));
  }

  protected override forward(
    embedded: Tensor3D,
    { encoded, attentionMask, decoderAttentionMask, cache }: BARTDecoderOptions = {},
  ): Tensor3D {
    const [batch, seq, dim] = embedded.shape;
    const offset = cache?.length ?? 0;
    if (encoded) checkShape('BARTDecoder: encoded', encoded, [batch, 'keys', dim]);
    if (encoded && attentionMask) checkShape('BARTDecoder: attentionMask', attentionMask, [batch, encoded.shape[1]]);
    if (decoderAttentionMask)
      checkShape('BARTDecoder: decoderAttentionMask', decoderAttentionMask, [batch, offset + seq]);
    const masks = decoderAttentionMask && { ...causalPaddingMask(decoderAttentionMask, seq), causal: false };
    const contextMask = attentionMask && paddingMask(attentionMask); // [batch, 1, 1, keys]
    let x = this.dropout.call(this.norm.call(add(embedded, this.positions.call({ seq, offset })))); // [batch, seq, dim]
    report('hiddenStates', () => x);
    for (const [i, layer] of this.layers.entries()) {
      const crossCache = cache && 'cross' in cache ? cache.cross(i) : undefined;
      x = layer.call(x, { ...masks, context: encoded, contextMask, cache: cache?.layer(i), crossCache }); // [batch, seq, dim]
      report('hiddenStates', () => x);
    }
    return x;
  }
}

/** Positions from the third row on: the first two were fairseq's for padding. */
function createPositions({ contextLength, dim, initStd }: BARTConfig, random: RandomStream | null): LearnedPositions {
  return new LearnedPositions({ contextLength, dim, reserved: 2, init: normal(initStd), random });
}
