import type { EncoderDecoderCache } from '@formers/attention';
import { checkShape, type RandomStream, reportAsEncoder } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Embedding,
  type InitOptions,
  initStream,
  normal,
  PretrainedModel,
  type PretrainedOptions,
  shiftRight,
} from '@formers/nn';
import { mul, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import { type BARTConfig, bartConfig, type BARTOptions } from './config.ts';
import { BART_MODEL } from './hf.ts';
import { loadBART } from './load.ts';
import { BARTDecoder, BARTEncoder, type BARTEncodeOptions } from './stacks.ts';

/** What a whole pass is told besides the source. */
export interface BARTCallOptions extends BARTEncodeOptions {
  /** int32 [batch, targetSeq], what the decoder reads; default the source itself, moved right behind the start token. */
  decoderIds?: Tensor2D | undefined;
  /** Of the target: [batch, targetSeq], 1 = token, 0 = padding; default no padding. */
  decoderAttentionMask?: Tensor2D | undefined;
}

/** What the decoder is told besides the target. */
export interface BARTDecodeOptions extends BARTEncodeOptions {
  /** The source's states from the encoder: [batch, keys, dim]. */
  encoded: Tensor3D;
  /** Of the target: [batch, seq]; with a cache, of all its tokens, those in the cache first. Default no padding. */
  decoderAttentionMask?: Tensor2D | undefined;
  /** Keys and values of earlier tokens of the target, and of the source, which is read at the first call only. */
  cache?: EncoderDecoderCache | undefined;
}

/**
 * BART (Lewis et al. 2020) without a head: a bidirectional encoder as BERT's and a left-to-right decoder as GPT's. Ids of the source [batch, seq] to the
 * decoder's states [batch, targetSeq, dim].
 */
export class BARTModel extends PretrainedModel<[ids: Tensor2D, options?: BARTCallOptions], Tensor3D, BARTConfig> {
  readonly config: BARTConfig;
  readonly format: typeof BART_MODEL = BART_MODEL;
  /** What encoder and decoder read, and the output projection, where they have none of their own. */
  tokens: Embedding;
  sourceTokens: Embedding | undefined;
  targetTokens: Embedding | undefined;
  encoder: BARTEncoder;
  decoder: BARTDecoder;

  constructor(options: BARTOptions, init: InitOptions = {}) {
    super();
    const config = bartConfig(options);
    const random = initStream(init);
    this.config = config;
    this.tokens = createTokens(config, random);
    this.sourceTokens = config.shareEmbeddings ? undefined : createTokens(config, random);
    this.targetTokens = config.shareEmbeddings ? undefined : createTokens(config, random);
    // Read by nothing then: as in PyTorch, where it has no gradient, optimizers leave it alone, weight decay included.
    if (!config.shareEmbeddings) this.tokens.weight.trainable = false;
    this.encoder = new BARTEncoder(config, random);
    this.decoder = new BARTDecoder(config, random);
  }

  protected override forward(ids: Tensor2D, options: BARTCallOptions = {}): Tensor3D {
    const { attentionMask, decoderAttentionMask } = options;
    const encoded = this.encode(ids, { attentionMask }); // [batch, seq, dim]
    const decoderIds = options.decoderIds ?? this.shiftRight(ids); // [batch, targetSeq]
    return this.decode(decoderIds, { encoded, attentionMask, decoderAttentionMask }); // [batch, targetSeq, dim]
  }

  /** The encoder alone: ids of the source [batch, seq] to its states [batch, seq, dim]. */
  encode(ids: Tensor2D, options?: BARTEncodeOptions): Tensor3D {
    checkShape('BARTModel: ids', ids, ['batch', 'seq']);
    const tokens = this.sourceTokens ?? this.tokens;
    return tidy(() => reportAsEncoder(() => this.encoder.call(embed(ids, { tokens, config: this.config }), options)));
  }

  /** The decoder alone: ids of the target [batch, targetSeq] to its states [batch, targetSeq, dim]. */
  decode(decoderIds: Tensor2D, options: BARTDecodeOptions): Tensor3D {
    checkShape('BARTModel: decoderIds', decoderIds, ['batch', 'seq']);
    const tokens = this.targetTokens ?? this.tokens;
    return tidy(() => this.decoder.call(embed(decoderIds, { tokens, config: this.config }), options));
  }

  /** What the decoder reads while it learns to write these targets: int32 [batch, targetSeq]. */
  shiftRight(targets: Tensor2D): Tensor2D {
    checkShape('BARTModel: targets', targets, ['batch', 'targetSeq']);
    const { decoderStartTokenId: startTokenId, padTokenId } = this.config;
    return shiftRight(targets, { startTokenId, padTokenId });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BARTModel> {
    return loadBART(location, {
      format: BART_MODEL,
      create: (config, init) => new BARTModel(config, init),
      options,
    });
  }
}

/** A table of tokens. */
export function createTokens(
  { vocabSize, dim, padTokenId, initStd }: BARTConfig,
  random: RandomStream | null,
): Embedding {
  return new Embedding({ vocabSize, dim, init: normal(initStd), paddingId: padTokenId, random });
}

/** What a stack reads: int32 [batch, seq] to [batch, seq, dim]. */
export function embed(ids: Tensor2D, { tokens, config }: { tokens: Embedding; config: BARTConfig }): Tensor3D {
  const x = tokens.call(ids); // [batch, seq, dim]
  return config.scaleEmbeddings ? mul(x, Math.sqrt(config.dim)) : x;
}
