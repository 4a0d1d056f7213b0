import {
  type AttentionMask,
  causalPaddingMask,
  checkAttentionMask,
  type EncoderDecoderCache,
  paddingMask,
} from '@formers/attention';
import { checkShape, type RandomStream, report, reportAsEncoder } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Dropout,
  Embedding,
  type InitOptions,
  initStream,
  loadPretrained,
  Module,
  normal,
  PretrainedModel,
  type PretrainedOptions,
  type RMSNorm,
  shiftRight,
} from '@formers/nn';
import { RelativePositionBias } from '@formers/positional';
import { add, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import { type T5Config, t5Config, type T5Options } from './config.ts';
import { T5_MODEL } from './hf.ts';
import { createNorm, T5DecoderLayer, T5EncoderLayer } from './layers.ts';

/** What an encoder is told besides the source. */
export interface T5EncodeOptions {
  /**
   * Of the source: [batch, seq], 1 = token, 0 = padding; or for each query what it may see: [batch, seq, seq] (block-diagonal: packed sequences) or
   * [batch, 1 or heads, seq, seq]. Default no padding.
   */
  attentionMask?: AttentionMask | undefined;
}

/** The encoder of T5 (Raffel et al. 2020, section 2.1): embedded tokens to states, both [batch, seq, dim]. All its layers share the bias of relative positions. */
export class T5Encoder extends Module<[x: Tensor3D, options?: T5EncodeOptions], Tensor3D> {
  positions: RelativePositionBias;
  layers: T5EncoderLayer[];
  norm: RMSNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: T5Config, random: RandomStream | null) {
    super();
    this.positions = createPositions(config, { bidirectional: true, random });
    this.layers = Array.from({ length: config.numLayers }, () => new T5EncoderLayer(config, random));
    this.norm = createNorm(config);
    this.dropout = new Dropout(config.dropout);
  }

  protected override forward(embedded: Tensor3D, { attentionMask }: T5EncodeOptions = {}): Tensor3D {
    const [batch, seq] = embedded.shape;
    if (attentionMask)
      checkAttentionMask('T5Encoder: attentionMask', attentionMask, { batch, queries: seq, keys: seq });
    const bias = this.positions.call({ queries: seq, keys: seq }); // [1, heads, seq, seq]
    const mask = attentionMask && paddingMask(attentionMask); // [batch, 1 or heads, 1 or seq, seq]
    let x = this.dropout.call(embedded); // [batch, seq, dim]
    for (const layer of this.layers) {
      report('hiddenStates', () => x);
      x = layer.call(x, { mask, bias }); // [batch, seq, dim]
    }
    x = this.dropout.call(this.norm.call(x)); // [batch, seq, dim]
    report('hiddenStates', () => x);
    return x;
  }
}

/** What the decoder is told besides the target. */
export interface T5DecodeOptions {
  /** The source's states from the encoder: [batch, keys, dim]. */
  encoded: Tensor3D;
  /** Of the source: [batch, keys], 1 = token, 0 = padding; or for each token of the target: [batch, seq, keys] or [batch, 1 or heads, seq, keys]. Default no padding. */
  attentionMask?: AttentionMask | undefined;
  /**
   * Of the target: [batch, seq], or for each of its tokens [batch, seq, seq] or [batch, 1 or heads, seq, seq]; with a cache, keys are all its tokens, those in the
   * cache first. Default no padding.
   */
  decoderAttentionMask?: AttentionMask | undefined;
  /** Keys and values of earlier tokens of the target, and of the source, which is read at the first call only. */
  cache?: EncoderDecoderCache | undefined;
}

/** The decoder of T5 (Raffel et al. 2020, section 2.1): embedded tokens of the target to states, both [batch, seq, dim]. Its layers share a bias of relative positions, too; attention to the source has none. */
export class T5Decoder extends Module<[x: Tensor3D, options: T5DecodeOptions], Tensor3D> {
  positions: RelativePositionBias;
  layers: T5DecoderLayer[];
  norm: RMSNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: T5Config, random: RandomStream | null) {
    super();
    this.positions = createPositions(config, { bidirectional: false, random });
    this.layers = Array.from({ length: config.numDecoderLayers }, () => new T5DecoderLayer(config, random));
    this.norm = createNorm(config);
    this.dropout = new Dropout(config.dropout);
  }

  protected override forward(
    embedded: Tensor3D,
    { encoded, attentionMask, decoderAttentionMask, cache }: T5DecodeOptions,
  ): Tensor3D {
    const [batch, seq, dim] = embedded.shape;
    const keys = (cache?.length ?? 0) + seq;
    checkShape('T5Decoder: encoded', encoded, [batch, 'keys', dim]);
    const sourceKeys = encoded.shape[1];
    if (attentionMask)
      checkAttentionMask('T5Decoder: attentionMask', attentionMask, { batch, queries: seq, keys: sourceKeys });
    if (decoderAttentionMask)
      checkAttentionMask('T5Decoder: decoderAttentionMask', decoderAttentionMask, { batch, queries: seq, keys });
    const positions = this.positions.call({ queries: seq, keys }); // [1, heads, seq, keys]
    const padding = decoderAttentionMask && causalPaddingMask(decoderAttentionMask, seq);
    const self = padding
      ? { mask: padding.mask, bias: add(positions, padding.bias), causal: false }
      : { bias: positions };
    const contextMask = attentionMask && paddingMask(attentionMask); // [batch, 1 or heads, 1 or seq, keys]
    let x = this.dropout.call(embedded); // [batch, seq, dim]
    for (const [i, layer] of this.layers.entries()) {
      report('hiddenStates', () => x);
      const caches = { cache: cache?.layer(i), crossCache: cache?.cross(i) };
      x = layer.call(x, { ...self, context: encoded, contextMask, ...caches }); // [batch, seq, dim]
    }
    x = this.dropout.call(this.norm.call(x)); // [batch, seq, dim]
    report('hiddenStates', () => x);
    return x;
  }
}

/** What a whole pass is told besides the source. */
export interface T5CallOptions {
  /** Of the source: [batch, seq], 1 = token, 0 = padding; default no padding. Packed sources go through `encode` and `decode`. */
  attentionMask?: Tensor2D | undefined;
  /** int32 [batch, targetSeq], what the decoder reads. */
  decoderIds: Tensor2D;
  /** Of the target: [batch, targetSeq], 1 = token, 0 = padding; default no padding. */
  decoderAttentionMask?: Tensor2D | undefined;
}

/**
 * T5 (Raffel et al. 2020) without a head: encoder and decoder with one table of tokens. Ids of the source [batch, seq] to the decoder's states
 * [batch, targetSeq, dim].
 */
export class T5Model extends PretrainedModel<[ids: Tensor2D, options: T5CallOptions], Tensor3D, T5Config> {
  readonly config: T5Config;
  readonly format: typeof T5_MODEL = T5_MODEL;
  tokens: Embedding;
  encoder: T5Encoder;
  decoder: T5Decoder;

  constructor(options: T5Options, init: InitOptions = {}) {
    super();
    const config = t5Config(options);
    const random = initStream(init);
    this.config = config;
    this.tokens = createTokens(config, random);
    this.encoder = new T5Encoder(config, random);
    this.decoder = new T5Decoder(config, random);
  }

  protected override forward(ids: Tensor2D, options: T5CallOptions): Tensor3D {
    const { decoderIds, attentionMask, decoderAttentionMask } = options;
    const encoded = this.encode(ids, { attentionMask }); // [batch, seq, dim]
    return this.decode(decoderIds, { encoded, attentionMask, decoderAttentionMask }); // [batch, targetSeq, dim]
  }

  /** The encoder alone: ids of the source [batch, seq] to its states [batch, seq, dim]. */
  encode(ids: Tensor2D, options?: T5EncodeOptions): Tensor3D {
    checkShape('T5Model: ids', ids, ['batch', 'seq']);
    return tidy(() => reportAsEncoder(() => this.encoder.call(this.tokens.call(ids), options)));
  }

  /** The decoder alone: ids of the target [batch, targetSeq] to its states [batch, targetSeq, dim]. */
  decode(decoderIds: Tensor2D, options: T5DecodeOptions): Tensor3D {
    checkShape('T5Model: decoderIds', decoderIds, ['batch', 'seq']);
    return tidy(() => this.decoder.call(this.tokens.call(decoderIds), options));
  }

  /** What the decoder reads while it learns to write these targets: int32 [batch, targetSeq]. */
  shiftRight(targets: Tensor2D): Tensor2D {
    checkShape('T5Model: targets', targets, ['batch', 'targetSeq']);
    const { decoderStartTokenId: startTokenId, padTokenId } = this.config;
    return shiftRight(targets, { startTokenId, padTokenId });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<T5Model> {
    return loadPretrained(location, {
      format: T5_MODEL,
      create: (config, init) => new T5Model(config, init),
      options,
    });
  }
}

/** The table of tokens that encoder and decoder read. */
export function createTokens({ vocabSize, dim, initFactor }: T5Config, random: RandomStream | null): Embedding {
  return new Embedding({ vocabSize, dim, init: normal(initFactor), random });
}

function createPositions(
  { dim, numHeads, numBuckets, maxDistance, initFactor }: T5Config,
  { bidirectional, random }: { bidirectional: boolean; random: RandomStream | null },
): RelativePositionBias {
  const init = normal(initFactor / Math.sqrt(dim));
  return new RelativePositionBias({ numHeads, numBuckets, maxDistance, bidirectional, init, random });
}
