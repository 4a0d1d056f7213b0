import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields } from '@formers/nn';
import * as v from 'valibot';

import type { EncoderDecoderConfig } from './encoder-decoder.ts';
import type { NormOrder } from './layers.ts';

/** The shape of a Transformer. Sizes are whole numbers of at least 1. */
export interface TransformerConfig extends EncoderDecoderConfig {
  /** Width of the feed-forward networks. */
  hiddenDim: number;
  numHeads: number;
  /** Of the encoder. */
  numLayers: number;
  numDecoderLayers: number;
  /** Where layers normalise. */
  norm: NormOrder;
  /** Whether both stacks end with a norm of their own. */
  finalNorm: boolean;
  normEpsilon: number;
  activation: Activation;
  /** Whether the layers have biases. */
  bias: boolean;
  /** Whether source, target and output have one table (section 3.4). */
  shareEmbeddings: boolean;
  /** Of the attention weights. */
  attentionDropout: number;
  /** Inside of the feed-forward networks. */
  activationDropout: number;
  /** Share of each target that the loss spreads over all tokens (section 5.4). */
  labelSmoothing: number;
}

/** What must be said of a Transformer; the rest is the paper's, but for dropout and label smoothing, which are off. */
export type TransformerOptions = Pick<TransformerConfig, 'vocabSize' | 'dim' | 'numHeads' | 'numLayers'> &
  Partial<TransformerConfig>;

/** Sizes by name: the two of the paper (table 3), and one for tests that runs in milliseconds. Each needs a `vocabSize`. */
export const TRANSFORMER_PRESETS = {
  testing: { contextLength: 24, dim: 32, hiddenDim: 64, numHeads: 4, numLayers: 2 },
  base: { dim: 512, hiddenDim: 2048, numHeads: 8, numLayers: 6, dropout: 0.1, labelSmoothing: 0.1 },
  big: { dim: 1024, hiddenDim: 4096, numHeads: 16, numLayers: 6, dropout: 0.3, labelSmoothing: 0.1 },
} as const;

/** Name of a preset. */
export type TransformerPreset = keyof typeof TRANSFORMER_PRESETS;

const { size, rate, amount, id, choice, activation } = configFields;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function transformerConfig(options: TransformerOptions): TransformerConfig {
  const config = {
    sourceVocabSize: options.vocabSize,
    contextLength: 1024,
    hiddenDim: 4 * options.dim,
    numDecoderLayers: options.numLayers,
    norm: 'post' as const,
    finalNorm: options.norm === 'pre',
    normEpsilon: 1e-5,
    activation: 'relu' as const,
    bias: true,
    shareEmbeddings: (options.sourceVocabSize ?? options.vocabSize) === options.vocabSize,
    dropout: 0,
    attentionDropout: 0,
    activationDropout: 0,
    labelSmoothing: 0,
    padTokenId: 0,
    decoderStartTokenId: 1,
    eosTokenId: 2,
    ...options,
  };
  checkConfig('TransformerConfig', config, {
    vocabSize: size,
    sourceVocabSize: size,
    contextLength: size,
    dim: size,
    hiddenDim: size,
    numHeads: size,
    numLayers: size,
    numDecoderLayers: size,
    norm: v.picklist(['post', 'pre'], 'post or pre'),
    finalNorm: choice,
    normEpsilon: amount,
    activation,
    bias: choice,
    shareEmbeddings: choice,
    dropout: rate,
    attentionDropout: rate,
    activationDropout: rate,
    labelSmoothing: rate,
    padTokenId: id,
    decoderStartTokenId: id,
    eosTokenId: id,
  });
  const { vocabSize, sourceVocabSize, dim, hiddenDim, numHeads, numLayers, numDecoderLayers, shareEmbeddings } = config;
  if (dim % numHeads !== 0)
    throw new ConfigError(`TransformerConfig: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
  if (shareEmbeddings && sourceVocabSize !== vocabSize)
    throw new ConfigError(
      `TransformerConfig: shareEmbeddings must be false where the vocabularies differ, got ${sourceVocabSize} and ${vocabSize} tokens`,
    );
  const [attention, mlp] = [4 * dim * dim, 2 * dim * hiddenDim];
  const tables = (shareEmbeddings ? vocabSize : sourceVocabSize + 2 * vocabSize) * dim;
  checkNumParameters(
    'TransformerConfig',
    tables + numLayers * (attention + mlp) + numDecoderLayers * (2 * attention + mlp),
  );
  return config;
}
