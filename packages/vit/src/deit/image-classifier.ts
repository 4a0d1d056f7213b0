import type { FolderLocation } from '@formers/checkpoints';
import {
  classificationLoss,
  type InitOptions,
  initStream,
  type Linear,
  loadPretrained,
  PretrainedModel,
  type PretrainedOptions,
  problemTypeOf,
} from '@formers/nn';
import { type Scalar, type Tensor2D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { type ViTConfig, vitConfig, type ViTOptions } from '../config.ts';
import { createHead, type ImageLossOptions } from '../image-classifier.ts';
import type { ViTCallOptions } from '../model.ts';
import { tokenOf } from '../tokens.ts';
import { DEIT_IMAGE_CLASSIFIER } from './hf.ts';
import { DeiTEncoder } from './model.ts';

/** A DeiT that classifies by its class token alone: images [batch, channels, height, width] to logits [batch, labels]. */
export class DeiTForImageClassification extends PretrainedModel<
  [images: Tensor4D, options?: ViTCallOptions],
  Tensor2D,
  ViTConfig
> {
  readonly config: ViTConfig;
  readonly format: typeof DEIT_IMAGE_CLASSIFIER = DEIT_IMAGE_CLASSIFIER;
  encoder: DeiTEncoder;
  head: Linear<Tensor2D>;

  constructor(options: ViTOptions, init: InitOptions = {}) {
    super();
    this.config = vitConfig(options);
    this.encoder = new DeiTEncoder(this.config, { random: initStream(init, 'init') });
    this.head = createHead(this.config, init);
  }

  protected override forward(images: Tensor4D, options?: ViTCallOptions): Tensor2D {
    return this.head.call(tokenOf(this.encoder.call(images, options))); // [batch, labels]
  }

  /** The loss that the config's problem type asks for, in nats or squared units. */
  loss(images: Tensor4D, { labels, ...options }: ImageLossOptions): Scalar {
    const problemType = problemTypeOf(this.config, labels);
    return tidy(() => classificationLoss(this.call(images, options), { labels, problemType }));
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<DeiTForImageClassification> {
    return loadPretrained(location, {
      format: DEIT_IMAGE_CLASSIFIER,
      create: (config, init) => new DeiTForImageClassification(config, init),
      options,
    });
  }
}
