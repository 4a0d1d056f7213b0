import { crossEntropy } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Dropout,
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { type Scalar, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import type { T5Config, T5Options } from './config.ts';
import { T5EncoderModel } from './encoder-model.ts';
import { T5_TOKEN_CLASSIFIER } from './hf.ts';
import type { T5EncodeOptions } from './model.ts';

/** T5's encoder with a classifier on each token: ids [batch, seq] to logits [batch, seq, labels]. */
export class T5ForTokenClassification extends PretrainedModel<
  [ids: Tensor2D, options?: T5EncodeOptions],
  Tensor3D,
  T5Config
> {
  readonly format: typeof T5_TOKEN_CLASSIFIER = T5_TOKEN_CLASSIFIER;
  model: T5EncoderModel;
  head: Linear<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(options: T5Options, init: InitOptions = {}) {
    super();
    this.model = new T5EncoderModel(options, init);
    const { dim, labels, initFactor, classifierDropout } = this.config;
    const random = initStream(init, 'head-init');
    this.head = new Linear({ inDim: dim, outDim: labels.length, init: normal(initFactor / Math.sqrt(dim)), random });
    this.dropout = new Dropout(classifierDropout);
  }

  get config(): T5Config {
    return this.model.config;
  }

  protected override forward(ids: Tensor2D, options?: T5EncodeOptions): Tensor3D {
    return this.head.call(this.dropout.call(this.model.call(ids, options))); // [batch, seq, labels]
  }

  /**
   * Mean cross-entropy, in nats per token that counts.
   *
   * @param options.labels int32 [batch, seq]; -100 = don't count
   */
  loss(ids: Tensor2D, { labels, ...options }: T5EncodeOptions & { labels: Tensor2D }): Scalar {
    return tidy(() => crossEntropy(this.call(ids, options), labels));
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<T5ForTokenClassification> {
    return loadPretrained(location, {
      format: T5_TOKEN_CLASSIFIER,
      create: (config, init) => new T5ForTokenClassification(config, init),
      options,
    });
  }
}
