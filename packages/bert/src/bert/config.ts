import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels, type ProblemType } from '@formers/nn';
import * as v from 'valibot';

/** The shape of a BERT. Sizes are whole numbers of at least 1. */
export interface BertConfig {
  vocabSize: number;
  /** Most tokens that a sequence may have. */
  contextLength: number;
  /** How many kinds of segments there are, such as question and text. */
  numTokenTypes: number;
  dim: number;
  /** Width of the feed-forward networks. */
  hiddenDim: number;
  numHeads: number;
  numLayers: number;
  activation: Activation;
  /** Of the embeddings, and of what attention and feed-forward network add to the residual stream. */
  dropout: number;
  /** Of the attention weights. */
  attentionDropout: number;
  /** Of what classifiers read; where undefined, `dropout`. */
  classifierDropout: number | undefined;
  normEpsilon: number;
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

/** What must be said of a BERT; the rest has the values of BERT-base. */
export type BertOptions = Pick<BertConfig, 'vocabSize' | 'contextLength' | 'dim' | 'numHeads' | 'numLayers'> &
  Partial<BertConfig>;

/** Sizes by name: those of the paper (Devlin et al. 2019, section 3), the small ones of Turc et al. 2019, and one for tests that runs in milliseconds. Each needs a `vocabSize`. */
export const BERT_PRESETS = {
  testing: { contextLength: 16, dim: 32, numHeads: 4, numLayers: 2 },
  'bert-tiny': { contextLength: 512, dim: 128, numHeads: 2, numLayers: 2 },
  'bert-mini': { contextLength: 512, dim: 256, numHeads: 4, numLayers: 4 },
  'bert-small': { contextLength: 512, dim: 512, numHeads: 8, numLayers: 4 },
  'bert-medium': { contextLength: 512, dim: 512, numHeads: 8, numLayers: 8 },
  'bert-base': { contextLength: 512, dim: 768, numHeads: 12, numLayers: 12 },
  'bert-large': { contextLength: 512, dim: 1024, numHeads: 16, numLayers: 24 },
} as const;

/** Name of a preset. */
export type BertPreset = keyof typeof BERT_PRESETS;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function bertConfig(options: BertOptions): BertConfig {
  return checkBertConfig('BertConfig', {
    numTokenTypes: 2,
    hiddenDim: 4 * options.dim,
    activation: 'gelu',
    dropout: 0.1,
    attentionDropout: 0.1,
    classifierDropout: undefined,
    normEpsilon: 1e-12,
    initStd: 0.02,
    tieEmbeddings: true,
    labels: defaultLabels(2),
    problemType: undefined,
    padTokenId: 0,
    bosTokenId: undefined,
    eosTokenId: undefined,
    ...options,
  });
}

const { size, rate, amount, optionalId, choice, activation, labels, problemType } = configFields;

/** Checks the options that BERT and RoBERTa share, which is all of them. */
export function checkBertConfig<Config extends BertConfig>(name: string, config: Config): Config {
  checkConfig(name, config, {
    vocabSize: size,
    contextLength: size,
    numTokenTypes: size,
    dim: size,
    hiddenDim: size,
    numHeads: size,
    numLayers: size,
    activation,
    dropout: rate,
    attentionDropout: rate,
    classifierDropout: v.optional(rate),
    normEpsilon: amount,
    initStd: amount,
    tieEmbeddings: choice,
    labels,
    problemType,
    padTokenId: optionalId,
    bosTokenId: optionalId,
    eosTokenId: optionalId,
  });
  const { vocabSize, contextLength, numTokenTypes, dim, numLayers, hiddenDim, tieEmbeddings } = config;
  checkHeads(name, config);
  checkPadding(name, config);
  checkNumParameters(
    name,
    ((tieEmbeddings ? 1 : 2) * vocabSize + contextLength + numTokenTypes) * dim +
      numLayers * (4 * dim * dim + 2 * dim * hiddenDim),
  );
  return config;
}

/** @throws {@link ConfigError} for heads that don't divide the width. */
export function checkHeads(name: string, { dim, numHeads }: { dim: number; numHeads: number }): void {
  if (dim % numHeads !== 0)
    throw new ConfigError(`${name}: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
}

/** @throws {@link ConfigError} for padding that isn't among the tokens. */
export function checkPadding(
  name: string,
  { padTokenId, vocabSize }: { padTokenId: number | undefined; vocabSize: number },
): void {
  if (padTokenId !== undefined && !(padTokenId >= 0 && padTokenId < vocabSize))
    throw new ConfigError(`${name}: padTokenId must be from 0 to ${vocabSize - 1}, got ${padTokenId}`);
}
