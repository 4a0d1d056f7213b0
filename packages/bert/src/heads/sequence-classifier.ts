import type { RandomStream } from '@formers/backend';
import {
  classificationLoss,
  Dropout,
  Linear,
  normal,
  PretrainedModel,
  type ProblemType,
  problemTypeOf,
} from '@formers/nn';
import { type Scalar, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';

import type { FirstTokenPooler } from './first-token-pooler.ts';
import type { EncoderOptions, TextEncoder } from './text-encoder.ts';

/** What a classifier reads of its config. */
export interface ClassifierConfig {
  dim: number;
  initStd: number;
  labels: string[];
  problemType: ProblemType | undefined;
}

/** An encoder that classifies sequences, by their first token: ids [batch, seq] to logits [batch, labels]. */
export abstract class SequenceClassifier<
  Config extends ClassifierConfig,
  Options extends EncoderOptions,
  Encoder extends TextEncoder<Options> = TextEncoder<Options>,
> extends PretrainedModel<[ids: Tensor2D, options?: Options], Tensor2D, Config> {
  readonly config: Config;
  encoder: Encoder;
  pooler: FirstTokenPooler;
  readonly dropout: Dropout<Tensor2D>;
  head: Linear<Tensor2D>;

  constructor(
    config: Config,
    {
      encoder,
      pooler,
      dropout,
      random,
    }: { encoder: Encoder; pooler: FirstTokenPooler; dropout: number; random: RandomStream | null },
  ) {
    super();
    this.config = config;
    this.encoder = encoder;
    this.pooler = pooler;
    this.dropout = new Dropout(dropout);
    this.head = new Linear({
      inDim: config.dim,
      outDim: config.labels.length,
      init: normal(config.initStd),
      random,
    });
  }

  protected override forward(ids: Tensor2D, options?: Options): Tensor2D {
    const pooled = this.pooler.call(this.encoder.call(ids, options)); // [batch, dim]
    return this.head.call(this.dropout.call(pooled)); // [batch, labels]
  }

  /**
   * The loss of what the config's `problemType` says, or else the labels: cross-entropy, binary cross-entropy, or the mean square of the error.
   *
   * @param options.labels int32 [batch] for one class each, float32 [batch, labels] for several, float32 [batch] or [batch, labels] for regression
   */
  loss(ids: Tensor2D, options: Options & { labels: Tensor }): Scalar {
    const { labels } = options;
    return tidy(() =>
      classificationLoss(this.call(ids, options), { labels, problemType: problemTypeOf(this.config, labels) }),
    );
  }
}
