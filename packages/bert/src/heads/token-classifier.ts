import { crossEntropy, type RandomStream } from '@formers/backend';
import { Dropout, Linear, normal, PretrainedModel } from '@formers/nn';
import { type Scalar, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import type { ClassifierConfig } from './sequence-classifier.ts';
import type { EncoderOptions, TextEncoder } from './text-encoder.ts';

/** An encoder that classifies each token, as for names of people and places (BERT, section 5.3): ids [batch, seq] to logits [batch, seq, labels]. */
export abstract class TokenClassifier<
  Config extends ClassifierConfig,
  Options extends EncoderOptions,
  Encoder extends TextEncoder<Options> = TextEncoder<Options>,
> extends PretrainedModel<[ids: Tensor2D, options?: Options], Tensor3D, Config> {
  readonly config: Config;
  encoder: Encoder;
  readonly dropout: Dropout<Tensor3D>;
  head: Linear<Tensor3D>;

  constructor(
    config: Config,
    { encoder, dropout, random }: { encoder: Encoder; dropout: number; random: RandomStream | null },
  ) {
    super();
    this.config = config;
    this.encoder = encoder;
    this.dropout = new Dropout(dropout);
    this.head = new Linear({
      inDim: config.dim,
      outDim: config.labels.length,
      init: normal(config.initStd),
      random,
    });
  }

  protected override forward(ids: Tensor2D, options?: Options): Tensor3D {
    return this.head.call(this.dropout.call(this.encoder.call(ids, options))); // [batch, seq, labels]
  }

  /**
   * Cross-entropy of the classes, in nats per token.
   *
   * @param options.labels int32 [batch, seq], the class of each token; -100 = don't count
   */
  loss(ids: Tensor2D, options: Options & { labels: Tensor2D }): Scalar {
    return tidy(() => crossEntropy(this.call(ids, options), options.labels));
  }
}
