import { ConfigError } from '@formers/backend';
import { checkConfig, checkNumParameters, configFields } from '@formers/nn';
import * as v from 'valibot';

import { checkPatches, sizes, type ViTConfig } from '../config.ts';
import { asSize, numPatches, type Size } from '../size.ts';

/** The shape of a masked autoencoder. Sizes are whole numbers of at least 1; widths are multiples of 4. */
export interface ViTMAEConfig extends Omit<
  ViTConfig,
  'poolerDim' | 'poolerActivation' | 'encoderStride' | 'labels' | 'problemType'
> {
  decoderDim: number;
  /** Width of the decoder's feed-forward networks. */
  decoderHiddenDim: number;
  decoderNumHeads: number;
  decoderNumLayers: number;
  /** Share of the patches that are hidden, from 0 to below 1. */
  maskRatio: number;
  /** Whether the loss takes each patch's pixels with mean 0 and variance 1. */
  normPixLoss: boolean;
}

/** What must be said of a masked autoencoder; the rest has the values of MAE's ViT-B. A number for a size means a square. */
export type ViTMAEOptions = Pick<ViTMAEConfig, 'dim' | 'numHeads' | 'numLayers'> &
  Partial<Omit<ViTMAEConfig, 'imageSize' | 'patchSize'>> & { imageSize: number | Size; patchSize: number | Size };

/** Sizes by name: those of the paper (He et al. 2022, section 4), and one for tests that runs in milliseconds. */
export const VIT_MAE_PRESETS = {
  testing: {
    imageSize: 8,
    patchSize: 2,
    numChannels: 1,
    dim: 16,
    numHeads: 2,
    numLayers: 2,
    decoderDim: 8,
    decoderHiddenDim: 16,
    decoderNumHeads: 2,
    decoderNumLayers: 1,
  },
  'mae-base': { imageSize: 224, patchSize: 16, dim: 768, numHeads: 12, numLayers: 12 },
  'mae-large': { imageSize: 224, patchSize: 16, dim: 1024, numHeads: 16, numLayers: 24 },
  'mae-huge': { imageSize: 224, patchSize: 14, dim: 1280, numHeads: 16, numLayers: 32 },
} as const;

/** Name of a preset. */
export type ViTMAEPreset = keyof typeof VIT_MAE_PRESETS;

const { size, rate, amount, choice, activation } = configFields;
const width = v.pipe(
  size,
  v.check((value) => value % 4 === 0, 'a multiple of 4'),
);

/**
 * A whole and valid config. Models call it once, on what they are given.
 *
 * @throws {@link ConfigError} naming the first option that is wrong.
 */
export function vitMAEConfig({ imageSize, patchSize, ...options }: ViTMAEOptions): ViTMAEConfig {
  const config = {
    numChannels: 3,
    hiddenDim: 4 * options.dim,
    activation: 'gelu' as const,
    dropout: 0,
    attentionDropout: 0,
    normEpsilon: 1e-12,
    initStd: 0.02,
    qkvBias: true,
    decoderDim: 512,
    decoderHiddenDim: 4 * (options.decoderDim ?? 512),
    decoderNumHeads: 16,
    decoderNumLayers: 8,
    maskRatio: 0.75,
    normPixLoss: false,
    ...options,
    imageSize: asSize(imageSize),
    patchSize: asSize(patchSize),
  };
  checkConfig('ViTMAEConfig', config, {
    imageSize: sizes,
    patchSize: sizes,
    numChannels: size,
    dim: width,
    hiddenDim: size,
    numHeads: size,
    numLayers: size,
    activation,
    dropout: rate,
    attentionDropout: rate,
    normEpsilon: amount,
    initStd: amount,
    qkvBias: choice,
    decoderDim: width,
    decoderHiddenDim: size,
    decoderNumHeads: size,
    decoderNumLayers: size,
    maskRatio: rate,
    normPixLoss: choice,
  });
  checkPatches('ViTMAEConfig', config);
  const { dim, numHeads, decoderDim, decoderNumHeads } = config;
  if (dim % numHeads !== 0)
    throw new ConfigError(`ViTMAEConfig: dim must be divisible by numHeads, got ${dim} and ${numHeads}`);
  if (decoderDim % decoderNumHeads !== 0)
    throw new ConfigError(
      `ViTMAEConfig: decoderDim must be divisible by decoderNumHeads, got ${decoderDim} and ${decoderNumHeads}`,
    );
  checkNumParameters('ViTMAEConfig', parametersOf(config));
  return config;
}

/** How many numbers the weights hold together, but for biases and norms. */
function parametersOf(config: ViTMAEConfig): number {
  const { dim, hiddenDim, numLayers, decoderDim, decoderHiddenDim, decoderNumLayers } = config;
  const pixels = config.numChannels * config.patchSize[0] * config.patchSize[1]; // of a patch
  const encoder = (pixels + numPatches(config)) * dim + numLayers * (4 * dim * dim + 2 * dim * hiddenDim);
  const layers = decoderNumLayers * (4 * decoderDim * decoderDim + 2 * decoderDim * decoderHiddenDim);
  return encoder + (dim + numPatches(config) + pixels) * decoderDim + layers;
}
