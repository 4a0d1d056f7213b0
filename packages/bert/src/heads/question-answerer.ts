import { ConfigError, type RandomStream } from '@formers/backend';
import { answerLoss, type AnswerLogits, Dropout, Linear, normal, PretrainedModel } from '@formers/nn';
import { type Scalar, type Tensor1D, type Tensor2D, tidy, unstack } from '@tensorflow/tfjs-core';

import type { ClassifierConfig } from './sequence-classifier.ts';
import type { EncoderOptions, TextEncoder } from './text-encoder.ts';

/** An encoder that finds the answer to a question in a text (BERT, section 4.2): ids [batch, seq] to logits of its first and last token. */
export abstract class QuestionAnswerer<
  Config extends ClassifierConfig,
  Options extends EncoderOptions,
  Encoder extends TextEncoder<Options> = TextEncoder<Options>,
> extends PretrainedModel<[ids: Tensor2D, options?: Options], AnswerLogits, Config> {
  readonly config: Config;
  encoder: Encoder;
  readonly dropout: Dropout;
  head: Linear;

  /** @throws {@link ConfigError} for other than two labels, which Hugging Face's models would have as many outputs for. */
  constructor(
    config: Config,
    { encoder, dropout, random }: { encoder: Encoder; dropout: number; random: RandomStream | null },
  ) {
    super();
    this.config = config;
    this.encoder = encoder;
    this.dropout = new Dropout(dropout);
    const { dim, labels, initStd } = config;
    if (labels.length !== 2) {
      encoder.dispose();
      throw new ConfigError(
        `${new.target.name}: labels must be two, for the first and the last token of answers, got ${labels.length}`,
      );
    }
    this.head = new Linear({ inDim: dim, outDim: 2, init: normal(initStd), random });
  }

  protected override forward(ids: Tensor2D, options?: Options): AnswerLogits {
    const logits = this.head.call(this.dropout.call(this.encoder.call(ids, options))); // [batch, seq, 2]
    const [startLogits, endLogits] = unstack(logits, 2) as [Tensor2D, Tensor2D]; // each [batch, seq]
    return { startLogits, endLogits };
  }

  /**
   * Mean cross-entropy of the first and the last token of the answers, in nats. Places beyond the sequence don't count: answers that were cut off.
   *
   * @param options.starts int32 [batch] or [batch, 1], the first token of each answer
   * @param options.ends the last one, likewise
   */
  loss(ids: Tensor2D, options: Options & { starts: Tensor1D | Tensor2D; ends: Tensor1D | Tensor2D }): Scalar {
    return tidy(() => answerLoss(this.call(ids, options), options));
  }
}
