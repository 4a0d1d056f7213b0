import { ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels } from '@formers/nn';
import * as v from 'valibot';

import type { DecoderConfig } from './decoder-config.ts';

const ACTIVATIONS = ['geluTanh', 'relu', 'silu'] as const;

/** The shape of a GPT-1. Sizes are whole numbers of at least 1; feed-forward networks are 4 times as wide as the model. */
export interface GPT1Config extends DecoderConfig {
  numHeads: number;
  numLayers: number;
  activation: (typeof ACTIVATIONS)[number];
  /** Of the embeddings. */
  embeddingDropout: number;
  /** Of the attention weights. */
  attentionDropout: number;
  /** Of what attention and feed-forward network add to the residual stream. */
  residualDropout: number;
  normEpsilon: number;
}

/** What must be said of a GPT-1; the rest has the paper's values, but no dropout. `dropout` sets all three rates. */
export type GPT1Options = Pick<GPT1Config, 'vocabSize' | 'contextLength' | 'dim' | 'numHeads' | 'numLayers'> &
  Partial<GPT1Config> & { dropout?: number };

/** Sizes by name: the one of the paper, and one for tests that runs in milliseconds. Each needs a `vocabSize`. */
export const GPT1_PRESETS = {
  testing: { contextLength: 16, dim: 32, numHeads: 4, numLayers: 2 },
  gpt1: { contextLength: 512, dim: 768, numHeads: 12, numLayers: 12 },
} as const;

const { size, rate, amount, optionalId, choice, labels, problemType } = configFields;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function gpt1Config({ dropout = 0, ...options }: GPT1Options): GPT1Config {
  const config = {
    activation: 'geluTanh' as const,
    embeddingDropout: dropout,
    attentionDropout: dropout,
    residualDropout: dropout,
    normEpsilon: 1e-5,
    initStd: 0.02,
    tieEmbeddings: true,
    labels: defaultLabels(2),
    problemType: undefined,
    bosTokenId: undefined,
    eosTokenId: undefined,
    padTokenId: undefined,
    ...options,
  };
  checkConfig('GPT1Config', config, {
    vocabSize: size,
    contextLength: size,
    dim: size,
    numHeads: size,
    numLayers: size,
    activation: v.picklist(ACTIVATIONS, `one of ${ACTIVATIONS.join(', ')}`),
    embeddingDropout: rate,
    attentionDropout: rate,
    residualDropout: rate,
    normEpsilon: amount,
    initStd: amount,
    tieEmbeddings: choice,
    labels,
    problemType,
    bosTokenId: optionalId,
    eosTokenId: optionalId,
    padTokenId: optionalId,
  });
  const { vocabSize, contextLength, dim, numHeads, numLayers } = config;
  if (dim % numHeads !== 0)
    throw new ConfigError(`GPT1Config: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
  checkNumParameters('GPT1Config', (vocabSize + contextLength) * dim + 12 * numLayers * dim * dim);
  return config;
}
