import type { FolderLocation } from '@formers/checkpoints';
import {
  classificationLoss,
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
  problemTypeOf,
} from '@formers/nn';
import { type Scalar, type Tensor, type Tensor2D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { type ViTConfig, vitConfig, type ViTOptions } from './config.ts';
import { VIT_IMAGE_CLASSIFIER } from './hf.ts';
import { type ViTCallOptions, ViTEncoder } from './model.ts';
import { tokenOf } from './tokens.ts';

/** What the loss of a classifier of images is told. */
export interface ImageLossOptions extends ViTCallOptions {
  /** int32 [batch] for one class each, float32 [batch, labels] for several, float32 [batch] or [batch, labels] for regression. */
  labels: Tensor;
}

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
    this.encoder = new ViTEncoder(this.config, { random: initStream(init, 'init') });
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
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<ViTForImageClassification> {
    return loadPretrained(location, {
      format: VIT_IMAGE_CLASSIFIER,
      create: (config, init) => new ViTForImageClassification(config, init),
      options,
    });
  }
}

/** A layer from the class token to the logits. */
export function createHead({ dim, labels, initStd }: ViTConfig, init: InitOptions): Linear<Tensor2D> {
  return new Linear({
    inDim: dim,
    outDim: labels.length,
    init: normal(initStd),
    random: initStream(init, 'head-init'),
  });
}
