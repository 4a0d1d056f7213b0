import { type FolderLocation, openCheckpoint, openFolder } from '@formers/checkpoints';
import {
  type InitOptions,
  initStream,
  loadPretrained,
  type PretrainedFormat,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { type Scalar, type Tensor2D, type Tensor3D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { unpatchify } from '../patch-embedding.ts';
import { gridOf, type Size } from '../size.ts';
import { type ViTMAEConfig, vitMAEConfig, type ViTMAEOptions } from './config.ts';
import { ViTMAEDecoder } from './decoder.ts';
import { isDecoderEncoder, VIT_MAE_PRE_TRAINING, VIT_MAE_PRE_TRAINING_5 } from './hf.ts';
import { type ViTMAECallOptions, ViTMAEEncoder } from './model.ts';
import { channelsFirst, maskedPixelLoss } from './pixel-loss.ts';

/** What {@link ViTMAEForPreTraining} computes. */
export interface ViTMAEPreTrainingOutput {
  /** [batch, patches, patchHeight · patchWidth · channels], the pixels of every patch. */
  logits: Tensor3D;
  /** [batch, patches], 1 = hidden. */
  mask: Tensor2D;
  /** int32 [batch, patches]: where each patch stands among the seen and, after them, the hidden ones. */
  restoreIds: Tensor2D;
}

/**
 * The masked autoencoder (He et al. 2022): from the patches that it sees it learns to paint those it doesn't.
 *
 * @example
 * using model = new ViTMAEForPreTraining(VIT_MAE_PRESETS.testing, { seed: 1 });
 * const loss = model.loss(images, { seed: step }); // other patches are hidden at each step
 */
export class ViTMAEForPreTraining extends PretrainedModel<
  [images: Tensor4D, options?: ViTMAECallOptions],
  ViTMAEPreTrainingOutput,
  ViTMAEConfig
> {
  readonly config: ViTMAEConfig;
  readonly format: PretrainedFormat<ViTMAEConfig>;
  encoder: ViTMAEEncoder;
  decoder: ViTMAEDecoder;

  constructor(
    options: ViTMAEOptions,
    { format = VIT_MAE_PRE_TRAINING, ...init }: InitOptions & { format?: PretrainedFormat<ViTMAEConfig> } = {},
  ) {
    super();
    this.config = vitMAEConfig(options);
    this.format = format;
    this.encoder = new ViTMAEEncoder(this.config, initStream(init, 'init'));
    this.decoder = new ViTMAEDecoder(this.config, initStream(init, 'decoder-init'));
  }

  protected override forward(images: Tensor4D, options?: ViTMAECallOptions): ViTMAEPreTrainingOutput {
    const { hidden, mask, restoreIds } = this.encoder.call(images, options);
    return { logits: this.decoder.call(hidden, restoreIds), mask, restoreIds };
  }

  /** The mean squared error of the pixels of hidden patches; see {@link maskedPixelLoss}. */
  loss(images: Tensor4D, options?: ViTMAECallOptions): Scalar {
    const { patchSize, normPixLoss } = this.config;
    return tidy(() => {
      const { logits, mask } = this.call(images, options);
      return maskedPixelLoss(logits, { images, mask, patchSize, normPixLoss });
    });
  }

  /**
   * The images that the logits paint: [batch, channels, height, width]. With `normPixLoss` each patch has mean 0 and variance 1.
   *
   * @param imageSize Default the config's.
   */
  toImages(logits: Tensor3D, imageSize: Size = this.config.imageSize): Tensor4D {
    const { patchSize, numChannels } = this.config;
    return tidy(() =>
      unpatchify(channelsFirst(logits, numChannels), { grid: gridOf(imageSize, patchSize), patchSize }),
    );
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static async fromPretrained(
    location: FolderLocation,
    options: PretrainedOptions = {},
  ): Promise<ViTMAEForPreTraining> {
    const folder = await openFolder(location, options);
    const { names } = await openCheckpoint(folder, options);
    const format = names.some(isDecoderEncoder) ? VIT_MAE_PRE_TRAINING_5 : VIT_MAE_PRE_TRAINING;
    return loadPretrained(folder, {
      format,
      create: (config, init) => new ViTMAEForPreTraining(config, { ...init, format }),
      options,
    });
  }
}
