import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields } from '@formers/nn';

import type { EncoderDecoderConfig } from './encoder-decoder.ts';

/** The shape of a Marian model. Sizes are whole numbers of at least 1. */
export interface MarianConfig extends EncoderDecoderConfig {
  /** Width of the feed-forward networks of the encoder. */
  hiddenDim: number;
  decoderHiddenDim: number;
  /** Of the encoder. */
  numHeads: number;
  numDecoderHeads: number;
  /** Of the encoder. */
  numLayers: number;
  numDecoderLayers: number;
  activation: Activation;
  /** Of the attention weights. */
  attentionDropout: number;
  /** Inside of the feed-forward networks. */
  activationDropout: number;
  /** Whether embeddings are multiplied by √dim. */
  scaleEmbeddings: boolean;
  /** Whether source and target have one table. */
  shareEmbeddings: boolean;
  /** Whether the output projection is the table of the target. */
  tieEmbeddings: boolean;
  /** Standard deviation of the weights at the start. */
  initStd: number;
}

/** What must be said of a Marian model; the rest has the values of the published ones. */
export type MarianOptions = Pick<MarianConfig, 'vocabSize' | 'dim' | 'numHeads' | 'numLayers' | 'padTokenId'> &
  Partial<MarianConfig>;

/** Sizes by name: the published models of Helsinki-NLP's OPUS-MT, and one for tests that runs in milliseconds. Each needs a `vocabSize` and its `padTokenId`, the last token of the published ones. */
export const MARIAN_PRESETS = {
  testing: { contextLength: 24, dim: 32, hiddenDim: 64, numHeads: 4, numLayers: 2, dropout: 0 },
  'opus-mt': { contextLength: 512, dim: 512, hiddenDim: 2048, numHeads: 8, numLayers: 6 },
} as const;

const { size, rate, amount, id, choice, activation } = configFields;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function marianConfig(options: MarianOptions): MarianConfig {
  const hiddenDim = options.hiddenDim ?? 4 * options.dim;
  const config = {
    sourceVocabSize: options.vocabSize,
    contextLength: 512,
    hiddenDim,
    decoderHiddenDim: hiddenDim,
    numDecoderHeads: options.numHeads,
    numDecoderLayers: options.numLayers,
    activation: 'silu' as const,
    dropout: 0.1,
    attentionDropout: 0,
    activationDropout: 0,
    scaleEmbeddings: true,
    shareEmbeddings: (options.sourceVocabSize ?? options.vocabSize) === options.vocabSize,
    tieEmbeddings: true,
    initStd: 0.02,
    eosTokenId: 0,
    decoderStartTokenId: options.padTokenId,
    ...options,
  };
  checkConfig('MarianConfig', config, {
    vocabSize: size,
    sourceVocabSize: size,
    contextLength: size,
    dim: size,
    hiddenDim: size,
    decoderHiddenDim: size,
    numHeads: size,
    numDecoderHeads: size,
    numLayers: size,
    numDecoderLayers: size,
    activation,
    dropout: rate,
    attentionDropout: rate,
    activationDropout: rate,
    scaleEmbeddings: choice,
    shareEmbeddings: choice,
    tieEmbeddings: choice,
    initStd: amount,
    padTokenId: id,
    eosTokenId: id,
    decoderStartTokenId: id,
  });
  const { vocabSize, sourceVocabSize, dim, numHeads, numDecoderHeads, padTokenId } = config;
  if (dim % numHeads !== 0 || dim % numDecoderHeads !== 0)
    throw new ConfigError(
      `MarianConfig: dim must be divisible by numHeads and numDecoderHeads, got ${dim}, ${numHeads} and ${numDecoderHeads}`,
    );
  if (config.shareEmbeddings && sourceVocabSize !== vocabSize)
    throw new ConfigError(
      `MarianConfig: shareEmbeddings must be false where the vocabularies differ, got ${sourceVocabSize} and ${vocabSize} tokens`,
    );
  if (padTokenId < 0 || padTokenId >= Math.min(vocabSize, sourceVocabSize))
    throw new ConfigError(`MarianConfig: padTokenId must be in the vocabulary, got ${padTokenId}`);
  checkNumParameters(
    'MarianConfig',
    (sourceVocabSize + 2 * vocabSize) * dim +
      config.numLayers * (4 * dim * dim + 2 * dim * config.hiddenDim) +
      config.numDecoderLayers * (8 * dim * dim + 2 * dim * config.decoderHiddenDim),
  );
  return config;
}
