import type { FolderLocation } from '@formers/checkpoints';
import { type InitOptions, initStream, loadPretrained, PretrainedModel, type PretrainedOptions } from '@formers/nn';
import { type Scalar, type Tensor2D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { type ViTConfig, vitConfig, type ViTOptions } from './config.ts';
import { VIT_MASKED_IMAGE_MODEL } from './hf.ts';
import { checkStride, maskedImageLoss } from './masked-image-loss.ts';
import { type MaskedCallOptions, type ViTCallOptions, ViTEncoder } from './model.ts';
import { unpatchify } from './patch-embedding.ts';
import { PixelDecoder } from './pixel-decoder.ts';
import { gridOf } from './size.ts';
import { tokensFrom } from './tokens.ts';

/**
 * A Vision Transformer that learns to fill in hidden patches (Xie et al. 2022, SimMIM): images [batch, channels, height, width] to images
 * [batch, channels, rows · encoderStride, columns · encoderStride].
 *
 * @example
 * using model = new ViTForMaskedImageModeling(VIT_PRESETS.testing, { seed: 1 });
 * const loss = model.loss(images, { mask: tensor2d([[1, 0, 0, 1]]) });
 */
export class ViTForMaskedImageModeling extends PretrainedModel<
  [images: Tensor4D, options?: MaskedCallOptions],
  Tensor4D,
  ViTConfig
> {
  readonly config: ViTConfig;
  readonly format: typeof VIT_MASKED_IMAGE_MODEL = VIT_MASKED_IMAGE_MODEL;
  encoder: ViTEncoder;
  decoder: PixelDecoder;

  constructor(options: ViTOptions, init: InitOptions = {}) {
    super();
    this.config = vitConfig(options);
    this.encoder = new ViTEncoder(this.config, { maskToken: true, random: initStream(init, 'init') });
    this.decoder = createPixelDecoder(this.config, init);
  }

  protected override forward(images: Tensor4D, options: MaskedCallOptions = {}): Tensor4D {
    const { patchSize, encoderStride } = this.config;
    if (options.mask) checkStride('ViTForMaskedImageModeling', this.config);
    const hidden = tokensFrom(this.encoder.call(images, options), 1); // [batch, patches, dim]
    return unpatchify(this.decoder.call(hidden), {
      grid: gridOf([images.shape[2], images.shape[3]], patchSize),
      patchSize: [encoderStride, encoderStride],
    });
  }

  /** The mean distance of reconstructed pixels where patches were hidden; see {@link maskedImageLoss}. */
  loss(images: Tensor4D, options: ViTCallOptions & { mask: Tensor2D }): Scalar {
    const { mask } = options;
    const { patchSize } = this.config;
    return tidy(() => maskedImageLoss(this.call(images, options), { images, mask, patchSize }));
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<ViTForMaskedImageModeling> {
    return loadPretrained(location, {
      format: VIT_MASKED_IMAGE_MODEL,
      create: (config, init) => new ViTForMaskedImageModeling(config, init),
      options,
    });
  }
}

/** The layer from hidden states to pixels. */
export function createPixelDecoder(
  { dim, numChannels, encoderStride, initStd }: ViTConfig,
  init: InitOptions,
): PixelDecoder {
  return new PixelDecoder({ dim, numChannels, stride: encoderStride, initStd, random: initStream(init, 'head-init') });
}
