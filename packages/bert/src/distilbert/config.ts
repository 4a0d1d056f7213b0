import type { Activation } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels, type ProblemType } from '@formers/nn';

import { checkHeads, checkPadding } from '../bert/config.ts';

/** The shape of a DistilBERT. Sizes are whole numbers of at least 1. */
export interface DistilBertConfig {
  vocabSize: number;
  /** Most tokens that a sequence may have. */
  contextLength: number;
  dim: number;
  /** Width of the feed-forward networks. */
  hiddenDim: number;
  numHeads: number;
  numLayers: number;
  activation: Activation;
  /** Of the embeddings, of what feed-forward networks add to the residual stream, and of what the token classifier reads. */
  dropout: number;
  /** Of the attention weights. */
  attentionDropout: number;
  /** Of what the classifier of sequences and the one of choices read. */
  classifierDropout: number;
  /** Of what the question answerer reads. */
  answerDropout: number;
  /** Whether positions start as sines (Vaswani et al. 2017, section 3.5). */
  sinusoidalPositions: boolean;
  /** Standard deviation of the weights at the start. */
  initStd: number;
  /** Whether the output projection of masked language models is the token embedding. */
  tieEmbeddings: boolean;
  /** Names of the classes, in order of their ids. */
  labels: string[];
  /** What the sequence classifier predicts; where undefined, its labels tell. */
  problemType: ProblemType | undefined;
  /** Fills rows of a batch; its embedding isn't learned from them. */
  padTokenId: number | undefined;
  bosTokenId: number | undefined;
  eosTokenId: number | undefined;
}

/** What must be said of a DistilBERT; the rest has the values of DistilBERT-base. */
export type DistilBertOptions = Pick<
  DistilBertConfig,
  'vocabSize' | 'contextLength' | 'dim' | 'numHeads' | 'numLayers'
> &
  Partial<DistilBertConfig>;

/** Sizes by name: that of the paper (Sanh et al. 2019, section 3), and one for tests that runs in milliseconds. Each needs a `vocabSize`. */
export const DISTILBERT_PRESETS = {
  testing: { contextLength: 16, dim: 32, numHeads: 4, numLayers: 2 },
  'distilbert-base': { contextLength: 512, dim: 768, numHeads: 12, numLayers: 6 },
} as const;

/** Name of a preset. */
export type DistilBertPreset = keyof typeof DISTILBERT_PRESETS;

const { size, rate, amount, optionalId, choice, activation, labels, problemType } = configFields;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function distilBertConfig(options: DistilBertOptions): DistilBertConfig {
  const config = {
    hiddenDim: 4 * options.dim,
    activation: 'gelu' as const,
    dropout: 0.1,
    attentionDropout: 0.1,
    classifierDropout: 0.2,
    answerDropout: 0.1,
    sinusoidalPositions: false,
    initStd: 0.02,
    tieEmbeddings: true,
    labels: defaultLabels(2),
    problemType: undefined,
    padTokenId: 0,
    bosTokenId: undefined,
    eosTokenId: undefined,
    ...options,
  };
  checkConfig('DistilBertConfig', config, {
    vocabSize: size,
    contextLength: size,
    dim: size,
    hiddenDim: size,
    numHeads: size,
    numLayers: size,
    activation,
    dropout: rate,
    attentionDropout: rate,
    classifierDropout: rate,
    answerDropout: rate,
    sinusoidalPositions: choice,
    initStd: amount,
    tieEmbeddings: choice,
    labels,
    problemType,
    padTokenId: optionalId,
    bosTokenId: optionalId,
    eosTokenId: optionalId,
  });
  const { vocabSize, contextLength, dim, numLayers, hiddenDim, tieEmbeddings } = config;
  checkHeads('DistilBertConfig', config);
  checkPadding('DistilBertConfig', config);
  checkNumParameters(
    'DistilBertConfig',
    ((tieEmbeddings ? 1 : 2) * vocabSize + contextLength) * dim + numLayers * (4 * dim * dim + 2 * dim * hiddenDim),
  );
  return config;
}
