import { type Activation, ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields, defaultLabels } from '@formers/nn';
import * as v from 'valibot';

import { checkPatches, sizes } from '../config.ts';
import { asSize, numPatches, type Size } from '../size.ts';

/** How the tokens become one vector; `none` gives logits for each token. */
export type TimmPooling = (typeof POOLINGS)[number];

const POOLINGS = ['token', 'avg', 'max', 'avgmax', 'none'] as const;

/** The shape of timm's `VisionTransformer`. Sizes are whole numbers of at least 1 unless told otherwise. */
export interface TimmViTConfig {
  imageSize: Size;
  patchSize: Size;
  numChannels: number;
  /** Names of the classes, in order of their ids; none for no head: the call then gives what the head would take. */
  labels: string[];
  pooling: TimmPooling;
  dim: number;
  numLayers: number;
  numHeads: number;
  /** Width of the feed-forward networks. */
  hiddenDim: number;
  activation: Activation;
  normEpsilon: number;
  /** Whether the projections of queries, keys and values have biases. */
  qkvBias: boolean;
  /** Whether the queries and keys of each head are normalised. */
  qkNorm: boolean;
  /** Whether all other projections have biases. */
  projectionBias: boolean;
  /** First factor of what each layer adds (Touvron et al. 2021, LayerScale); 0 for no factors. */
  layerScale: number;
  classToken: boolean;
  /** Tokens after the class token that stand for nothing (Darcet et al. 2024); may be 0. */
  numRegisters: number;
  positions: boolean;
  /** Whether class token and registers have positions, too. */
  prefixPositions: boolean;
  /** Whether there is a norm before the layers; patches then have no bias. */
  preNorm: boolean;
  /** Whether there is a norm after them. */
  finalNorm: boolean;
  /** Whether that comes after pooling. */
  normAfterPooling: boolean;
  /** Whether class token and registers are pooled along. */
  poolPrefix: boolean;
  /** Whether images may have other sizes, with interpolated positions. */
  dynamicImageSize: boolean;
  /** Before the head. */
  dropout: number;
  positionDropout: number;
  /** Of what attention and feed-forward network add. */
  projectionDropout: number;
  attentionDropout: number;
  /** Rate at which the last layer is skipped, image by image; earlier ones less (Huang et al. 2016). */
  dropPath: number;
}

/** What must be said of a timm ViT; the rest has timm's defaults. A number for a size means a square. */
export type TimmViTOptions = Pick<TimmViTConfig, 'dim' | 'numHeads' | 'numLayers'> &
  Partial<Omit<TimmViTConfig, 'imageSize' | 'patchSize'>> & { imageSize: number | Size; patchSize: number | Size };

const { size, rate, amount, choice, activation } = configFields;
const count = v.pipe(
  v.number('a whole number of at least 0'),
  v.check((value) => Number.isInteger(value) && value >= 0 && value <= 2 ** 24, 'a whole number from 0 to 2^24'),
);

/**
 * A whole and valid config. The model calls it once, on what it is given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function timmViTConfig({ imageSize, patchSize, ...options }: TimmViTOptions): TimmViTConfig {
  const { pooling = 'token' } = options;
  const config = {
    numChannels: 3,
    labels: defaultLabels(1000),
    pooling,
    hiddenDim: 4 * options.dim,
    activation: 'gelu' as const,
    normEpsilon: 1e-6,
    qkvBias: true,
    qkNorm: false,
    projectionBias: true,
    layerScale: 0,
    classToken: true,
    numRegisters: 0,
    positions: true,
    prefixPositions: true,
    preNorm: false,
    finalNorm: true,
    normAfterPooling: pooling !== 'token' && pooling !== 'none',
    poolPrefix: false,
    dynamicImageSize: false,
    dropout: 0,
    positionDropout: 0,
    projectionDropout: 0,
    attentionDropout: 0,
    dropPath: 0,
    ...options,
    imageSize: asSize(imageSize),
    patchSize: asSize(patchSize),
  };
  checkConfig('TimmViTConfig', config, {
    imageSize: sizes,
    patchSize: sizes,
    numChannels: size,
    labels: v.array(v.string('a name'), 'a list of names'),
    pooling: v.picklist(POOLINGS, `one of ${POOLINGS.join(', ')}`),
    dim: size,
    numLayers: size,
    numHeads: size,
    hiddenDim: size,
    activation,
    normEpsilon: amount,
    qkvBias: choice,
    qkNorm: choice,
    projectionBias: choice,
    layerScale: amount,
    classToken: choice,
    numRegisters: count,
    positions: choice,
    prefixPositions: choice,
    preNorm: choice,
    finalNorm: choice,
    normAfterPooling: choice,
    poolPrefix: choice,
    dynamicImageSize: choice,
    dropout: rate,
    positionDropout: rate,
    projectionDropout: rate,
    attentionDropout: rate,
    dropPath: rate,
  });
  checkPatches('TimmViTConfig', config);
  const { dim, numHeads, numLayers, hiddenDim, numChannels, labels } = config;
  if (dim % numHeads !== 0)
    throw new ConfigError(`TimmViTConfig: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
  if (pooling === 'token' && !config.classToken)
    throw new ConfigError('TimmViTConfig: classToken must be true where pooling is token, got false');
  const pixels = numChannels * config.patchSize[0] * config.patchSize[1]; // of a patch
  checkNumParameters(
    'TimmViTConfig',
    (pixels + numPatches(config) + labels.length) * dim + numLayers * (4 * dim * dim + 2 * dim * hiddenDim),
  );
  return config;
}

/** How many tokens stand before the patches. */
export function numPrefixTokens({ classToken, numRegisters }: TimmViTConfig): number {
  return Number(classToken) + numRegisters;
}
