import { applyActivation } from '@formers/backend';
import { type FolderLocation, type FolderSource, openCheckpoint, openFolder, readJson } from '@formers/checkpoints';
import {
  classificationLoss,
  Dropout,
  type InitOptions,
  initStream,
  Linear,
  normal,
  type PretrainedFormat,
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

import type { BARTConfig, BARTOptions } from './config.ts';
import { BART_CLASSIFIER_OF_TWO, BART_SEQUENCE_CLASSIFIER } from './hf.ts';
import { loadBART } from './load.ts';
import { type BARTCallOptions, BARTModel } from './model.ts';

/**
 * BART with a classifier on what the decoder makes of the last end token, after it has been given the source itself: ids [batch, seq] to logits
 * [batch, labels]. Each row must have an end token.
 */
export class BARTForSequenceClassification extends PretrainedModel<
  [ids: Tensor2D, options?: BARTCallOptions],
  Tensor2D,
  BARTConfig
> {
  readonly format: PretrainedFormat<BARTConfig>;
  model: BARTModel;
  dense: Linear<Tensor2D>;
  head: Linear<Tensor2D>;
  readonly dropout: Dropout<Tensor2D>;

  constructor(
    options: BARTOptions,
    { format = BART_SEQUENCE_CLASSIFIER, ...init }: InitOptions & { format?: PretrainedFormat<BARTConfig> } = {},
  ) {
    super();
    this.format = format;
    this.model = new BARTModel(options, init);
    const { dim, labels, initStd, classifierDropout } = this.config;
    const start = { inDim: dim, init: normal(initStd), random: initStream(init, 'head-init') };
    this.dense = new Linear({ ...start, outDim: dim });
    this.head = new Linear({ ...start, outDim: labels.length });
    this.dropout = new Dropout(classifierDropout);
  }

  get config(): BARTConfig {
    return this.model.config;
  }

  protected override forward(ids: Tensor2D, options?: BARTCallOptions): Tensor2D {
    const x = this.model.call(ids, options); // [batch, seq, dim]
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
  loss(ids: Tensor2D, { labels, ...options }: BARTCallOptions & { labels: Tensor }): Scalar {
    return tidy(() =>
      classificationLoss(this.call(ids, options), { labels, problemType: problemTypeOf(this.config, labels) }),
    );
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static async fromPretrained(
    location: FolderLocation,
    options: PretrainedOptions = {},
  ): Promise<BARTForSequenceClassification> {
    const folder = await openFolder(location, options);
    const format = (await hasTwoNamelessClasses(folder)) ? BART_CLASSIFIER_OF_TWO : BART_SEQUENCE_CLASSIFIER;
    return loadBART(folder, {
      format,
      create: (config, init) => new BARTForSequenceClassification(config, { ...init, format }),
      options,
    });
  }
}

/** Whether the weights have two classes that the config says nothing about. */
async function hasTwoNamelessClasses(folder: FolderSource): Promise<boolean> {
  const config = await readJson(folder, 'config.json');
  if ('id2label' in config || 'num_labels' in config) return false;
  const checkpoint = await openCheckpoint(folder);
  const bias = 'classification_head.out_proj.bias';
  return checkpoint.has(bias) && checkpoint.info(bias).shape[0] === 2;
}
