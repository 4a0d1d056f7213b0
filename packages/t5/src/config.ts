import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels, type ProblemType } from '@formers/nn';
import { relativeBucket } from '@formers/positional';

/** The shape of a T5. Sizes are whole numbers of at least 1. */
export interface T5Config {
  vocabSize: number;
  /** `Infinity`: relative positions have no end. */
  contextLength: number;
  dim: number;
  numHeads: number;
  /** Width of each attention head; `numHeads` of them need not make up `dim`. */
  headDim: number;
  /** Width of the feed-forward networks. */
  hiddenDim: number;
  /** Of the encoder. */
  numLayers: number;
  numDecoderLayers: number;
  /** How many numbers each head has for relative positions. */
  numBuckets: number;
  /** From this distance on, all share a bucket. */
  maxDistance: number;
  activation: Activation;
  /** Whether the feed-forward networks have gates (T5 v1.1). */
  gated: boolean;
  /** Of the embeddings, the attention weights, inside of the feed-forward networks, and of what is added to the residual stream. */
  dropout: number;
  normEpsilon: number;
  /** Factor of the standard deviations of all first weights. */
  initFactor: number;
  /** Whether the output projection is the token embedding; T5 v1.1 has one of its own. */
  tieEmbeddings: boolean;
  /** Whether the output projection reads hidden states divided by √dim; T5 v1.1 doesn't. */
  scaleOutputs: boolean;
  /** Of what classifiers read. */
  classifierDropout: number;
  /** Names of the classifier's classes, in order of their ids. */
  labels: string[];
  /** What the classifier predicts; where undefined, its labels tell. */
  problemType: ProblemType | undefined;
  /** Fills rows of a batch, and stands for targets that don't count where the decoder reads them. */
  padTokenId: number;
  /** Ends texts; the sequence classifier reads the last one. */
  eosTokenId: number;
  /** What the decoder is given first. */
  decoderStartTokenId: number;
}

/** What must be said of a T5; the rest has T5's values. */
export type T5Options = Pick<T5Config, 'vocabSize' | 'dim' | 'numHeads' | 'numLayers'> & Partial<T5Config>;

/**
 * Sizes by name, and one for tests that runs in milliseconds: those of the paper (Raffel et al. 2020, section 3.7) up to 3 billion parameters, and of T5 v1.1
 * (Shazeer 2020), which Flan-T5 has, too. Each needs a `vocabSize`; the published models have 32,128.
 */
export const T5_PRESETS = {
  testing: {
    dim: 32,
    numHeads: 4,
    headDim: 6,
    hiddenDim: 48,
    numLayers: 2,
    numBuckets: 8,
    maxDistance: 20,
    dropout: 0,
  },
  't5-small': { dim: 512, numHeads: 8, headDim: 64, hiddenDim: 2048, numLayers: 6 },
  't5-base': { dim: 768, numHeads: 12, headDim: 64, hiddenDim: 3072, numLayers: 12 },
  't5-large': { dim: 1024, numHeads: 16, headDim: 64, hiddenDim: 4096, numLayers: 24 },
  't5-3b': { dim: 1024, numHeads: 32, headDim: 128, hiddenDim: 16384, numLayers: 24 },
  't5-v1_1-small': {
    dim: 512,
    numHeads: 6,
    headDim: 64,
    hiddenDim: 1024,
    numLayers: 8,
    activation: 'geluTanh',
    gated: true,
    tieEmbeddings: false,
    scaleOutputs: false,
  },
  't5-v1_1-base': {
    dim: 768,
    numHeads: 12,
    headDim: 64,
    hiddenDim: 2048,
    numLayers: 12,
    activation: 'geluTanh',
    gated: true,
    tieEmbeddings: false,
    scaleOutputs: false,
  },
  't5-v1_1-large': {
    dim: 1024,
    numHeads: 16,
    headDim: 64,
    hiddenDim: 2816,
    numLayers: 24,
    activation: 'geluTanh',
    gated: true,
    tieEmbeddings: false,
    scaleOutputs: false,
  },
  't5-v1_1-xl': {
    dim: 2048,
    numHeads: 32,
    headDim: 64,
    hiddenDim: 5120,
    numLayers: 24,
    activation: 'geluTanh',
    gated: true,
    tieEmbeddings: false,
    scaleOutputs: false,
  },
} as const;

/** Name of a preset. */
export type T5Preset = keyof typeof T5_PRESETS;

const { size, rate, amount, id, choice, activation, labels, problemType } = configFields;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function t5Config({ contextLength = Infinity, ...options }: T5Options): T5Config {
  const config = {
    headDim: options.dim / options.numHeads,
    hiddenDim: 4 * options.dim,
    numDecoderLayers: options.numLayers,
    numBuckets: 32,
    maxDistance: 128,
    activation: 'relu' as const,
    gated: false,
    dropout: 0.1,
    normEpsilon: 1e-6,
    initFactor: 1,
    tieEmbeddings: true,
    scaleOutputs: options.tieEmbeddings ?? true,
    classifierDropout: 0,
    labels: defaultLabels(2),
    problemType: undefined,
    padTokenId: 0,
    eosTokenId: 1,
    decoderStartTokenId: options.padTokenId ?? 0,
    ...options,
  };
  checkConfig('T5Config', config, {
    vocabSize: size,
    dim: size,
    numHeads: size,
    headDim: size,
    hiddenDim: size,
    numLayers: size,
    numDecoderLayers: size,
    numBuckets: size,
    maxDistance: size,
    activation,
    gated: choice,
    dropout: rate,
    normEpsilon: amount,
    initFactor: amount,
    tieEmbeddings: choice,
    scaleOutputs: choice,
    classifierDropout: rate,
    labels,
    problemType,
    padTokenId: id,
    eosTokenId: id,
    decoderStartTokenId: id,
  });
  if (contextLength !== Infinity)
    throw new ConfigError(
      `T5Config: contextLength must be Infinity, relative positions have no end, got ${contextLength}`,
    );
  for (const bidirectional of [true, false])
    relativeBucket(0, { numBuckets: config.numBuckets, maxDistance: config.maxDistance, bidirectional }); // refuses what can't be
  const { vocabSize, dim, numHeads, headDim, hiddenDim, numLayers, numDecoderLayers, gated } = config;
  const attention = 4 * dim * numHeads * headDim;
  const mlp = (gated ? 3 : 2) * dim * hiddenDim;
  checkNumParameters(
    'T5Config',
    2 * vocabSize * dim + numLayers * (attention + mlp) + numDecoderLayers * (2 * attention + mlp),
  );
  return { ...config, contextLength };
}
