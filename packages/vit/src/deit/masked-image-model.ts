import type { FolderLocation } from '@formers/checkpoints';
import { type InitOptions, initStream, loadPretrained, PretrainedModel, type PretrainedOptions } from '@formers/nn';
import { type Scalar, type Tensor2D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { type ViTConfig, vitConfig, type ViTOptions } from '../config.ts';
import { checkStride, maskedImageLoss } from '../masked-image-loss.ts';
import { createPixelDecoder } from '../masked-image-model.ts';
import type { MaskedCallOptions, ViTCallOptions } from '../model.ts';
import { unpatchify } from '../patch-embedding.ts';
import type { PixelDecoder } from '../pixel-decoder.ts';
import { gridOf } from '../size.ts';
import { tokensFrom } from '../tokens.ts';
import { DEIT_MASKED_IMAGE_MODEL } from './hf.ts';
import { DeiTEncoder } from './model.ts';

/**
 * A DeiT that learns to fill in hidden patches (Xie et al. 2022, SimMIM): images [batch, channels, height, width] to images
 * [batch, channels, rows · encoderStride, columns · encoderStride].
 */
export class DeiTForMaskedImageModeling extends PretrainedModel<
  [images: Tensor4D, options?: MaskedCallOptions],
  Tensor4D,
  ViTConfig
> {
  readonly config: ViTConfig;
  readonly format: typeof DEIT_MASKED_IMAGE_MODEL = DEIT_MASKED_IMAGE_MODEL;
  encoder: DeiTEncoder;
  decoder: PixelDecoder;

  constructor(options: ViTOptions, init: InitOptions = {}) {
    super();
    this.config = vitConfig(options);
    this.encoder = new DeiTEncoder(this.config, { maskToken: true, random: initStream(init, 'init') });
    this.decoder = createPixelDecoder(this.config, init);
  }

  protected override forward(images: Tensor4D, options: MaskedCallOptions = {}): Tensor4D {
    const { patchSize, encoderStride } = this.config;
    if (options.mask) checkStride('DeiTForMaskedImageModeling', this.config);
    const hidden = tokensFrom(this.encoder.call(images, options), 2); // [batch, patches, dim]
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
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<DeiTForMaskedImageModeling> {
    return loadPretrained(location, {
      format: DEIT_MASKED_IMAGE_MODEL,
      create: (config, init) => new DeiTForMaskedImageModeling(config, init),
      options,
    });
  }
}
