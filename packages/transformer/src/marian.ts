import { MultiHeadAttention } from '@formers/attention';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Embedding,
  FeedForward,
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  parameter,
  type PretrainedOptions,
  zeros,
} from '@formers/nn';
import { SinusoidalPositions } from '@formers/positional';
import { type Rank, reshape, type Tensor1D, type Variable } from '@tensorflow/tfjs-core';

import { EncoderDecoder, type EncoderDecoderParts } from './encoder-decoder.ts';
import { createNorm, DecoderLayer, EncoderLayer, type Norm, Stack } from './layers.ts';
import { type MarianConfig, marianConfig, type MarianOptions } from './marian-config.ts';
import { MARIAN } from './marian-hf.ts';

/**
 * Marian's translation models (Junczys-Dowmunt et al. 2018): the Transformer with sines before cosines, a bias on the logits and projections apart, as
 * Helsinki-NLP publishes them. Source ids [batch, seq] and target ids [batch, decoderSeq] to the logits of each next token, [batch, decoderSeq, vocab].
 */
export class Marian extends EncoderDecoder<MarianConfig> {
  readonly format: typeof MARIAN = MARIAN;
  /** [1, vocab], added to the logits; not trained. */
  readonly logitsBias: Variable<Rank.R2>;

  constructor(options: MarianOptions, init: InitOptions = {}) {
    const config = marianConfig(options);
    super(marianParts(config, init));
    this.logitsBias = parameter<Rank.R2>([1, config.vocabSize], { init: zeros, random: null });
    this.logitsBias.trainable = false;
  }

  protected override get outputBias(): Tensor1D {
    return reshape(this.logitsBias, [-1]);
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<Marian> {
    return loadPretrained(location, { format: MARIAN, create: (config, init) => new Marian(config, init), options });
  }
}

function marianParts(config: MarianConfig, init: InitOptions): EncoderDecoderParts<MarianConfig> {
  const { vocabSize, sourceVocabSize, contextLength, dim, numHeads, numDecoderHeads, padTokenId: paddingId } = config;
  const { activation, activationDropout, dropout, attentionDropout, shareEmbeddings, tieEmbeddings } = config;
  const weights = { init: normal(config.initStd), random: initStream(init) };
  const norm = (): Norm => createNorm({ dim, epsilon: 1e-5, bias: true });
  const attention = { dim, dropout: attentionDropout, ...weights };
  const mlp = { dim, activation, activationDropout, ...weights };
  const table = (size: number): Embedding => new Embedding({ vocabSize: size, dim, paddingId, ...weights });

  // Transformers 5 has tables apart where the output isn't tied, and a shared one besides, which nobody reads.
  const areApart = !shareEmbeddings || !tieEmbeddings;
  const tables = {
    tokens: shareEmbeddings ? table(vocabSize) : undefined,
    sourceTokens: areApart ? table(sourceVocabSize) : undefined,
    targetTokens: areApart ? table(vocabSize) : undefined,
  };
  const encoderLayers = Array.from(
    { length: config.numLayers },
    () =>
      new EncoderLayer({
        attention: new MultiHeadAttention({ numHeads, ...attention }),
        mlp: new FeedForward({ hiddenDim: config.hiddenDim, ...mlp }),
        norm,
        order: 'post',
        dropout,
      }),
  );
  const decoderLayers = Array.from(
    { length: config.numDecoderLayers },
    () =>
      new DecoderLayer({
        selfAttention: new MultiHeadAttention({ numHeads: numDecoderHeads, causal: true, ...attention }),
        crossAttention: new MultiHeadAttention({ numHeads: numDecoderHeads, ...attention }),
        mlp: new FeedForward({ hiddenDim: config.decoderHiddenDim, ...mlp }),
        norm,
        order: 'post',
        dropout,
      }),
  );
  const head = { inDim: dim, outDim: vocabSize, bias: false, ...weights, random: initStream(init, 'head-init') };
  return {
    config,
    ...tables,
    scale: config.scaleEmbeddings ? Math.sqrt(dim) : 1,
    positions: new SinusoidalPositions({ contextLength, dim, layout: 'halves' }),
    encoder: new Stack(encoderLayers),
    decoder: new Stack(decoderLayers),
    head: tieEmbeddings ? undefined : new Linear(head),
  };
}
