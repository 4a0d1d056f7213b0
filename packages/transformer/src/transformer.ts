import { FusedCrossAttention, FusedSelfAttention } from '@formers/attention';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Embedding,
  FeedForward,
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  type PretrainedOptions,
  xavierUniform,
} from '@formers/nn';
import { SinusoidalPositions } from '@formers/positional';
import type { Tensor3D } from '@tensorflow/tfjs-core';

import { EncoderDecoder, type EncoderDecoderParts } from './encoder-decoder.ts';
import { createNorm, DecoderLayer, EncoderLayer, type Norm, Stack } from './layers.ts';
import { type TransformerConfig, transformerConfig, type TransformerOptions } from './transformer-config.ts';
import { TORCH_TRANSFORMER } from './transformer-format.ts';

/**
 * The Transformer (Vaswani et al. 2017): source ids [batch, seq] and target ids [batch, decoderSeq] to the logits of each next token,
 * [batch, decoderSeq, vocab]. Opens and writes state dicts of `torch.nn.Transformer`.
 *
 * @example
 * using model = new Transformer({ vocabSize: 37000, ...TRANSFORMER_PRESETS.base }, { seed: 1 });
 * const logits = model.call(ids, { decoderIds });
 */
export class Transformer extends EncoderDecoder<TransformerConfig> {
  readonly format: typeof TORCH_TRANSFORMER = TORCH_TRANSFORMER;

  constructor(options: TransformerOptions, init: InitOptions = {}) {
    super(transformerParts(transformerConfig(options), init));
  }

  protected override get labelSmoothing(): number {
    return this.config.labelSmoothing;
  }

  /** Opens a folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<Transformer> {
    return loadPretrained(location, {
      format: TORCH_TRANSFORMER,
      create: (config, init) => new Transformer(config, init),
      options,
    });
  }
}

/** Weights start as in `torch.nn.Transformer` (Glorot and Bengio 2010), tables as in tensor2tensor: times √dim they have a variance of 1. */
function transformerParts(config: TransformerConfig, init: InitOptions): EncoderDecoderParts<TransformerConfig> {
  const { vocabSize, sourceVocabSize, contextLength, dim, hiddenDim, numHeads, activation, bias } = config;
  const { norm: order, dropout, attentionDropout, activationDropout } = config;
  const random = initStream(init);
  const weights = { init: xavierUniform, random };
  const attention = { dim, numHeads, bias, dropout: attentionDropout, ...weights };
  const norm = (): Norm => createNorm({ dim, epsilon: config.normEpsilon, bias });
  const mlp = (): FeedForward<Tensor3D> =>
    new FeedForward({ dim, hiddenDim, activation, bias, activationDropout, ...weights });
  const table = (size: number): Embedding => new Embedding({ vocabSize: size, dim, init: normal(dim ** -0.5), random });

  const tables = config.shareEmbeddings
    ? { tokens: table(vocabSize) }
    : { sourceTokens: table(sourceVocabSize), targetTokens: table(vocabSize) };
  const encoderLayers = Array.from(
    { length: config.numLayers },
    () =>
      new EncoderLayer({
        attention: new FusedSelfAttention({ causal: false, ...attention }),
        mlp: mlp(),
        norm,
        order,
        dropout,
      }),
  );
  const decoderLayers = Array.from(
    { length: config.numDecoderLayers },
    () =>
      new DecoderLayer({
        selfAttention: new FusedSelfAttention({ causal: true, ...attention }),
        crossAttention: new FusedCrossAttention(attention),
        mlp: mlp(),
        norm,
        order,
        dropout,
      }),
  );
  const head = { inDim: dim, outDim: vocabSize, init: xavierUniform, random: initStream(init, 'head-init') };
  return {
    config,
    ...tables,
    scale: Math.sqrt(dim),
    positions: new SinusoidalPositions({ contextLength, dim }),
    encoder: new Stack(encoderLayers, config.finalNorm ? norm() : undefined),
    decoder: new Stack(decoderLayers, config.finalNorm ? norm() : undefined),
    head: config.shareEmbeddings ? undefined : new Linear(head),
  };
}
