import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels } from '@formers/nn';
import * as v from 'valibot';

import type { DecoderConfig } from './decoder-config.ts';

/** What a layer of GPT-Neo sees: all earlier tokens, or those in a window. */
export type AttentionReach = (typeof REACHES)[number];

const REACHES = ['global', 'local'] as const;

/** The shape of a GPT-Neo: GPT-3's layout in the open. Sizes are whole numbers of at least 1. `initStd`: what feeds the residual stream gets `1 / √(2 · layers)` of it (GPT-3, section 2.1). */
export interface GPTNeoConfig extends DecoderConfig {
  /** Width of the feed-forward networks. */
  hiddenDim: number;
  numHeads: number;
  /** One entry per layer. */
  attentionLayers: AttentionReach[];
  /** How many tokens, itself included, a token sees in local layers. */
  windowSize: number;
  activation: Activation;
  /** Of the embeddings. */
  embeddingDropout: number;
  /** Of the attention weights. */
  attentionDropout: number;
  /** Of what attention and feed-forward network add to the residual stream. */
  residualDropout: number;
  normEpsilon: number;
}

/** What must be said of a GPT-Neo; the rest has the published models' values. `dropout` sets all three rates. */
export type GPTNeoOptions = Pick<GPTNeoConfig, 'vocabSize' | 'contextLength' | 'dim' | 'numHeads'> &
  Partial<GPTNeoConfig> & {
    dropout?: number;
    /** Of alternating layers, the first one global, where `attentionLayers` aren't given. */
    numLayers?: number;
  };

/** Sizes by name: EleutherAI's three, and one for tests that runs in milliseconds. Each needs a `vocabSize`. */
export const GPT_NEO_PRESETS = {
  testing: { contextLength: 16, dim: 32, numHeads: 4, numLayers: 2, windowSize: 4 },
  'gpt-neo-125m': { contextLength: 2048, dim: 768, numHeads: 12, numLayers: 12 },
  'gpt-neo-1.3b': { contextLength: 2048, dim: 2048, numHeads: 16, numLayers: 24 },
  'gpt-neo-2.7b': { contextLength: 2048, dim: 2560, numHeads: 20, numLayers: 32 },
} as const;

const { size, rate, amount, optionalId, choice, activation, labels, problemType } = configFields;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function gptNeoConfig({ dropout = 0, numLayers, ...options }: GPTNeoOptions): GPTNeoConfig {
  const layers = options.attentionLayers?.length ?? numLayers;
  if (numLayers !== undefined && numLayers !== layers)
    throw new ConfigError(`GPTNeoConfig: numLayers must be that of attentionLayers, got ${numLayers} and ${layers}`);
  const config = {
    hiddenDim: 4 * options.dim,
    attentionLayers: Array.from({ length: layers ?? 0 }, (_, i): AttentionReach => (i % 2 === 0 ? 'global' : 'local')),
    windowSize: 256,
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
  const wanted = `a list of ${REACHES.join(' and ')}, one for each layer`;
  checkConfig('GPTNeoConfig', config, {
    vocabSize: size,
    contextLength: size,
    dim: size,
    hiddenDim: size,
    numHeads: size,
    attentionLayers: v.pipe(v.array(v.picklist(REACHES, wanted), wanted), v.minLength(1, wanted)),
    windowSize: size,
    activation,
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
  const { vocabSize, contextLength, dim, numHeads, hiddenDim, attentionLayers } = config;
  if (dim % numHeads !== 0)
    throw new ConfigError(`GPTNeoConfig: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
  const perLayer = 4 * dim * dim + 2 * dim * hiddenDim;
  checkNumParameters('GPTNeoConfig', (vocabSize + contextLength) * dim + attentionLayers.length * perLayer);
  return config;
}
