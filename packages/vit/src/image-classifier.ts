import type { FolderLocation } from '@formers/checkpoints';
import { type InitOptions, initStream, Linear, loadPretrained, normal, PretrainedModel, type PretrainedOptions } from '@formers/nn';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';

import { type ViTConfig, vitConfig, type ViTOptions } from './config.ts';
import { VIT_IMAGE_CLASSIFIER } from './hf.ts';
import { classTokenOf, type ViTCallOptions, ViTEncoder } from './model.ts';

/**
 * A Vision Transformer that classifies: images [batch, channels, height, width] to logits [batch, labels].
 *
 * @example
 * using model = new ViTForImageClassification({ ...VIT_PRESETS.mnist, labels: ['0', '1', '2'] }, { seed: 1 });
 * const logits = model.call(images);
 */
export class ViTForImageClassification extends PretrainedModel<
  [images: Tensor4D, options?: ViTCallOptions],
  Tensor2D,
  ViTConfig
> {
  readonly config: ViTConfig;
  readonly format: typeof VIT_IMAGE_CLASSIFIER = VIT_IMAGE_CLASSIFIER;
  encoder: ViTEncoder;
  head: Linear<Tensor2D>;

  constructor(options: ViTOptions, init: InitOptions = {}) {
    super();
    this.config = vitConfig(options);
    const { dim, labels, initStd } = this.config;
    this.encoder = new ViTEncoder(this.config, initStream(init, 'init'));
    this.head = new Linear({
      inDim: dim,
      outDim: labels.length,
      init: normal(initStd),
      random: initStream(init, 'head-init'),
    });
  }

  protected override forward(images: Tensor4D, options?: ViTCallOptions): Tensor2D {
    return this.head.call(classTokenOf(this.encoder.call(images, options))); // [batch, labels]
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<ViTForImageClassification> {
    return loadPretrained(location, {
      format: VIT_IMAGE_CLASSIFIER,
      create: (config, init) => new ViTForImageClassification(config, init),
      options,
    });
  }
}
