import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels } from '@formers/nn';

import type { DecoderConfig } from './decoder-config.ts';

/** The shape of a GPT-2. Sizes are whole numbers of at least 1. `initStd`: what feeds the residual stream gets `1 / √(2 · numLayers)` of it (GPT-2, section 2.3). */
export interface GPTConfig extends DecoderConfig {
  /** Width of the feed-forward networks. */
  hiddenDim: number;
  numHeads: number;
  numLayers: number;
  activation: Activation;
  /** Of the embeddings. */
  embeddingDropout: number;
  /** Of the attention weights. */
  attentionDropout: number;
  /** Of what attention and feed-forward network add to the residual stream. */
  residualDropout: number;
  normEpsilon: number;
  /** Whether scores are divided by √headDim. */
  scaleAttention: boolean;
  /** Whether layer i divides its scores by i + 1 as well. */
  scaleAttentionByLayer: boolean;
}

/** What must be said of a GPT; the rest has GPT-2's values. `dropout` sets all three rates. */
export type GPTOptions = Pick<GPTConfig, 'vocabSize' | 'contextLength' | 'dim' | 'numHeads' | 'numLayers'> &
  Partial<GPTConfig> & { dropout?: number };

/** Sizes by name: OpenAI's four (GPT-2, table 2), nanoGPT's small ones, and one for tests that runs in milliseconds. Each needs a `vocabSize`. */
export const GPT_PRESETS = {
  testing: { contextLength: 16, dim: 32, numHeads: 4, numLayers: 2 },
  'nano-cpu': { contextLength: 64, dim: 128, numHeads: 4, numLayers: 4 },
  nano: { contextLength: 256, dim: 384, numHeads: 6, numLayers: 6 },
  gpt2: { contextLength: 1024, dim: 768, numHeads: 12, numLayers: 12 },
  'gpt2-medium': { contextLength: 1024, dim: 1024, numHeads: 16, numLayers: 24 },
  'gpt2-large': { contextLength: 1024, dim: 1280, numHeads: 20, numLayers: 36 },
  'gpt2-xl': { contextLength: 1024, dim: 1600, numHeads: 25, numLayers: 48 },
} as const;

/** Name of a preset. */
export type GPTPreset = keyof typeof GPT_PRESETS;

const { size, rate, amount, optionalId, choice, activation, labels, problemType } = configFields;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function gptConfig({ dropout = 0, ...options }: GPTOptions): GPTConfig {
  const config = {
    hiddenDim: 4 * options.dim,
    activation: 'geluTanh' as const,
    embeddingDropout: dropout,
    attentionDropout: dropout,
    residualDropout: dropout,
    normEpsilon: 1e-5,
    initStd: 0.02,
    tieEmbeddings: true,
    scaleAttention: true,
    scaleAttentionByLayer: false,
    labels: defaultLabels(2),
    problemType: undefined,
    bosTokenId: undefined,
    eosTokenId: undefined,
    padTokenId: undefined,
    ...options,
  };
  checkConfig('GPTConfig', config, {
    vocabSize: size,
    contextLength: size,
    dim: size,
    hiddenDim: size,
    numHeads: size,
    numLayers: size,
    activation,
    embeddingDropout: rate,
    attentionDropout: rate,
    residualDropout: rate,
    normEpsilon: amount,
    initStd: amount,
    tieEmbeddings: choice,
    scaleAttention: choice,
    scaleAttentionByLayer: choice,
    labels,
    problemType,
    bosTokenId: optionalId,
    eosTokenId: optionalId,
    padTokenId: optionalId,
  });
  const { vocabSize, contextLength, dim, numHeads, numLayers, hiddenDim } = config;
  if (dim % numHeads !== 0)
    throw new ConfigError(`GPTConfig: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
  checkNumParameters(
    'GPTConfig',
    (vocabSize + contextLength) * dim + numLayers * (4 * dim * dim + 2 * dim * hiddenDim),
  );
  return config;
}
