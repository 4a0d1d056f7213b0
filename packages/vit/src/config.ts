import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels, type ProblemType } from '@formers/nn';
import * as v from 'valibot';

import { asSize, numPatches, type Size } from './size.ts';

/** The shape of a Vision Transformer. Sizes are whole numbers of at least 1. */
export interface ViTConfig {
  imageSize: Size;
  patchSize: Size;
  numChannels: number;
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
  normEpsilon: number;
  /** Standard deviation of the weights at the start. */
  initStd: number;
  /** Whether the projections of queries, keys and values have biases. */
  qkvBias: boolean;
  /** Width and activation of the pooler. */
  poolerDim: number;
  poolerActivation: Activation;
  /** Pixels that each patch becomes in masked image modelling, along each side. */
  encoderStride: number;
  /** Names of the classes, in order of their ids. */
  labels: string[];
  /** What the classifier predicts; where undefined, its labels tell. */
  problemType: ProblemType | undefined;
}

/** What must be said of a ViT; the rest has the values of ViT-B. A number for a size means a square. */
export type ViTOptions = Pick<ViTConfig, 'dim' | 'numHeads' | 'numLayers'> &
  Partial<Omit<ViTConfig, 'imageSize' | 'patchSize'>> & { imageSize: number | Size; patchSize: number | Size };

/** Sizes by name: those of the paper (Dosovitskiy et al. 2021, table 1), one for MNIST's digits, and one for tests that runs in milliseconds. */
export const VIT_PRESETS = {
  testing: { imageSize: 8, patchSize: 4, numChannels: 1, dim: 16, numHeads: 2, numLayers: 2 },
  mnist: { imageSize: 28, patchSize: 4, numChannels: 1, dim: 64, numHeads: 4, numLayers: 4, initStd: 0.1 },
  'vit-tiny': { imageSize: 224, patchSize: 16, dim: 192, numHeads: 3, numLayers: 12 },
  'vit-small': { imageSize: 224, patchSize: 16, dim: 384, numHeads: 6, numLayers: 12 },
  'vit-base': { imageSize: 224, patchSize: 16, dim: 768, numHeads: 12, numLayers: 12 },
  'vit-large': { imageSize: 224, patchSize: 16, dim: 1024, numHeads: 16, numLayers: 24 },
} as const;

/** Name of a preset. */
export type ViTPreset = keyof typeof VIT_PRESETS;

const { size, rate, amount, choice, activation, labels, problemType } = configFields;

/** For the schema of a config. */
export const sizes: v.GenericSchema<Size> = v.strictTuple([size, size], 'a whole number or [height, width]');

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function vitConfig({ imageSize, patchSize, ...options }: ViTOptions): ViTConfig {
  const config = {
    numChannels: 3,
    hiddenDim: 4 * options.dim,
    activation: 'gelu' as const,
    dropout: 0,
    attentionDropout: 0,
    normEpsilon: 1e-12,
    initStd: 0.02,
    qkvBias: true,
    poolerDim: options.dim,
    poolerActivation: 'tanh' as const,
    encoderStride: [patchSize].flat()[0] ?? 16,
    labels: defaultLabels(2),
    problemType: undefined,
    ...options,
    imageSize: asSize(imageSize),
    patchSize: asSize(patchSize),
  };
  checkConfig('ViTConfig', config, {
    imageSize: sizes,
    patchSize: sizes,
    numChannels: size,
    dim: size,
    hiddenDim: size,
    numHeads: size,
    numLayers: size,
    activation,
    dropout: rate,
    attentionDropout: rate,
    normEpsilon: amount,
    initStd: amount,
    qkvBias: choice,
    poolerDim: size,
    poolerActivation: activation,
    encoderStride: size,
    labels,
    problemType,
  });
  checkPatches('ViTConfig', config);
  const { dim, numHeads, numLayers, hiddenDim, numChannels, poolerDim } = config;
  if (dim % numHeads !== 0)
    throw new ConfigError(`ViTConfig: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
  const pixels = numChannels * config.patchSize[0] * config.patchSize[1]; // of a patch
  checkNumParameters(
    'ViTConfig',
    (pixels + numPatches(config) + poolerDim + config.labels.length) * dim +
      numLayers * (4 * dim * dim + 2 * dim * hiddenDim),
  );
  return config;
}

/** @throws {@link ConfigError} for an image that doesn't hold a patch. */
export function checkPatches(name: string, config: { imageSize: Size; patchSize: Size }): void {
  if (numPatches(config) < 1)
    throw new ConfigError(
      `${name}: imageSize must hold a patch of [${config.patchSize.join(', ')}], got [${config.imageSize.join(', ')}]`,
    );
}
