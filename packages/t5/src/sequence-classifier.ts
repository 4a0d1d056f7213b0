import { applyActivation } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  classificationLoss,
  Dropout,
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
  problemTypeOf,
} from '@formers/nn';
import {
  argMax,
  cast,
  equal,
  expandDims,
  mul,
  range,
  type Scalar,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from '@tensorflow/tfjs-core';

import type { T5Config, T5Options } from './config.ts';
import { T5_SEQUENCE_CLASSIFIER } from './hf.ts';
import { type T5CallOptions, T5Model } from './model.ts';

/**
 * T5 with a classifier on what the decoder makes of the last end token, after it has been given the source itself: ids [batch, seq] to logits
 * [batch, labels]. Each row must have an end token.
 */
export class T5ForSequenceClassification extends PretrainedModel<
  [ids: Tensor2D, options?: Partial<T5CallOptions>],
  Tensor2D,
  T5Config
> {
  readonly format: typeof T5_SEQUENCE_CLASSIFIER = T5_SEQUENCE_CLASSIFIER;
  model: T5Model;
  dense: Linear<Tensor2D>;
  head: Linear<Tensor2D>;
  readonly dropout: Dropout<Tensor2D>;

  constructor(options: T5Options, init: InitOptions = {}) {
    super();
    this.model = new T5Model(options, init);
    const { dim, labels, initFactor, classifierDropout } = this.config;
    const start = { inDim: dim, init: normal(initFactor / Math.sqrt(dim)), random: initStream(init, 'head-init') };
    this.dense = new Linear({ ...start, outDim: dim });
    this.head = new Linear({ ...start, outDim: labels.length });
    this.dropout = new Dropout(classifierDropout);
  }

  get config(): T5Config {
    return this.model.config;
  }

  protected override forward(ids: Tensor2D, options: Partial<T5CallOptions> = {}): Tensor2D {
    const x = this.model.call(ids, { decoderIds: this.model.shiftRight(ids), ...options }); // [batch, seq, dim]
    const chosen = cast(equal(expandDims(this.#lastEnd(ids), 1), range(0, ids.shape[1], 1, 'int32')), 'float32'); // [batch, seq]
    const sentence: Tensor2D = sum(mul(x, expandDims(chosen, 2)), 1); // [batch, dim]
    const hidden = applyActivation(this.dense.call(this.dropout.call(sentence)), 'tanh'); // [batch, dim]
    return this.head.call(this.dropout.call(hidden)); // [batch, labels]
  }

  /** Index of each row's last end token; the first place in a row without one. */
  #lastEnd(ids: Tensor2D): Tensor1D {
    const isEnd = cast(equal(ids, this.config.eosTokenId), 'int32'); // [batch, seq]
    return argMax(mul(range(1, ids.shape[1] + 1, 1, 'int32'), isEnd), 1); // [batch]
  }

  /**
   * The loss of what the config's `problemType` says, or else the labels: cross-entropy, binary cross-entropy, or the mean square of the error.
   *
   * @param options.labels int32 [batch] for one class each, float32 [batch, labels] for several, float32 [batch] or [batch, labels] for regression
   */
  loss(ids: Tensor2D, { labels, ...options }: Partial<T5CallOptions> & { labels: Tensor }): Scalar {
    return tidy(() =>
      classificationLoss(this.call(ids, options), { labels, problemType: problemTypeOf(this.config, labels) }),
    );
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<T5ForSequenceClassification> {
    return loadPretrained(location, {
      format: T5_SEQUENCE_CLASSIFIER,
      create: (config, init) => new T5ForSequenceClassification(config, init),
      options,
    });
  }
}
