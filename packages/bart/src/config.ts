import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels, type ProblemType } from '@formers/nn';

/** The shape of a BART. Sizes are whole numbers of at least 1. */
export interface BARTConfig {
  vocabSize: number;
  /** Most tokens that a source or a target may have. */
  contextLength: number;
  dim: number;
  /** Of the encoder. */
  numLayers: number;
  /** Of the encoder. */
  numHeads: number;
  /** Width of the encoder's feed-forward networks. */
  hiddenDim: number;
  numDecoderLayers: number;
  numDecoderHeads: number;
  /** Width of the decoder's feed-forward networks. */
  decoderHiddenDim: number;
  activation: Activation;
  /** Of the embeddings, and of what is added to the residual stream. */
  dropout: number;
  /** Of the attention weights. */
  attentionDropout: number;
  /** Inside of the feed-forward networks. */
  activationDropout: number;
  /** Of what the classifier reads. */
  classifierDropout: number;
  /** Standard deviation of the weights at the start. */
  initStd: number;
  /** Whether embeddings of tokens are multiplied by √dim. */
  scaleEmbeddings: boolean;
  /** Whether the output projection is the token embedding. */
  tieEmbeddings: boolean;
  /** Whether encoder and decoder read one table of tokens; default as `tieEmbeddings`, which is how Transformers 5 has it. */
  shareEmbeddings: boolean;
  /** Whether there is a constant that is added to the logits and not trained. Checkpoints of text-writing models have one, of zeros; new models need none. */
  logitsBias: boolean;
  /** Names of the classifier's classes, in order of their ids. */
  labels: string[];
  /** What the classifier predicts; where undefined, its labels tell. */
  problemType: ProblemType | undefined;
  /** Begins texts. */
  bosTokenId: number;
  /** Fills rows of a batch, and stands for targets that don't count where the decoder reads them. It isn't learned. */
  padTokenId: number;
  /** Ends texts; the sequence classifier reads the last one. */
  eosTokenId: number;
  /** What the decoder is given first. */
  decoderStartTokenId: number;
}

/** What must be said of a BART; the rest has BART's values. */
export type BARTOptions = Pick<BARTConfig, 'vocabSize' | 'contextLength' | 'dim' | 'numHeads' | 'numLayers'> &
  Partial<BARTConfig>;

/** Sizes by name, the two of the paper (Lewis et al. 2020, sections 4 and 5) and one for tests that runs in milliseconds. Each needs a `vocabSize`; the published models have 50,265. */
export const BART_PRESETS = {
  testing: { contextLength: 16, dim: 32, numHeads: 4, hiddenDim: 48, numLayers: 2, dropout: 0 },
  'bart-base': { contextLength: 1024, dim: 768, numHeads: 12, hiddenDim: 3072, numLayers: 6 },
  'bart-large': { contextLength: 1024, dim: 1024, numHeads: 16, hiddenDim: 4096, numLayers: 12 },
} as const;

/** Name of a preset. */
export type BARTPreset = keyof typeof BART_PRESETS;

const { size, rate, amount, id, choice, activation, labels, problemType } = configFields;

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function bartConfig(options: BARTOptions): BARTConfig {
  const hiddenDim = options.hiddenDim ?? 4 * options.dim;
  const config = {
    hiddenDim,
    numDecoderLayers: options.numLayers,
    numDecoderHeads: options.numHeads,
    decoderHiddenDim: hiddenDim,
    activation: 'gelu' as const,
    dropout: 0.1,
    attentionDropout: 0,
    activationDropout: 0,
    classifierDropout: 0,
    initStd: 0.02,
    scaleEmbeddings: false,
    tieEmbeddings: true,
    shareEmbeddings: options.tieEmbeddings ?? true,
    logitsBias: false,
    labels: defaultLabels(3),
    problemType: undefined,
    bosTokenId: 0,
    padTokenId: 1,
    eosTokenId: 2,
    decoderStartTokenId: options.eosTokenId ?? 2,
    ...options,
  };
  checkConfig('BARTConfig', config, {
    vocabSize: size,
    contextLength: size,
    dim: size,
    numLayers: size,
    numHeads: size,
    hiddenDim: size,
    numDecoderLayers: size,
    numDecoderHeads: size,
    decoderHiddenDim: size,
    activation,
    dropout: rate,
    attentionDropout: rate,
    activationDropout: rate,
    classifierDropout: rate,
    initStd: amount,
    scaleEmbeddings: choice,
    tieEmbeddings: choice,
    shareEmbeddings: choice,
    logitsBias: choice,
    labels,
    problemType,
    bosTokenId: id,
    padTokenId: id,
    eosTokenId: id,
    decoderStartTokenId: id,
  });
  checkSizes(config);
  return config;
}

function checkSizes(config: BARTConfig): void {
  const { vocabSize, contextLength, dim, numHeads, numLayers, hiddenDim, padTokenId } = config;
  const { numDecoderHeads, numDecoderLayers, decoderHiddenDim } = config;
  if (padTokenId < 0 || padTokenId >= vocabSize)
    throw new ConfigError(`BARTConfig: padTokenId must be among the ${vocabSize} tokens, got ${padTokenId}`);
  for (const [name, heads] of Object.entries({ numHeads, numDecoderHeads }))
    if (dim % heads !== 0)
      throw new ConfigError(`BARTConfig: dim must be divisible by ${name}, got ${dim} and ${heads}`);
  checkNumParameters(
    'BARTConfig',
    (4 * vocabSize + 2 * contextLength) * dim +
      numLayers * (4 * dim * dim + 2 * dim * hiddenDim) +
      numDecoderLayers * (8 * dim * dim + 2 * dim * decoderHiddenDim),
  );
}
