import type { FolderLocation } from '@formers/checkpoints';
import {
  answerLoss,
  type AnswerLogits,
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { type Scalar, type Tensor1D, type Tensor2D, type Tensor3D, tidy, unstack } from '@tensorflow/tfjs-core';

import type { T5Config, T5Options } from './config.ts';
import { T5_QUESTION_ANSWERING } from './hf.ts';
import { type T5CallOptions, T5Model } from './model.ts';

/** T5 that finds the answer to a question in the source: ids [batch, seq] to logits of its first and last token, each [batch, seq]. */
export class T5ForQuestionAnswering extends PretrainedModel<
  [ids: Tensor2D, options?: Partial<T5CallOptions>],
  AnswerLogits,
  T5Config
> {
  readonly format: typeof T5_QUESTION_ANSWERING = T5_QUESTION_ANSWERING;
  model: T5Model;
  /** To the logits of start and end. */
  head: Linear<Tensor3D>;

  constructor(options: T5Options, init: InitOptions = {}) {
    super();
    this.model = new T5Model(options, init);
    const { dim, initFactor } = this.config;
    const random = initStream(init, 'head-init');
    this.head = new Linear({ inDim: dim, outDim: 2, init: normal(initFactor / Math.sqrt(dim)), random });
  }

  get config(): T5Config {
    return this.model.config;
  }

  protected override forward(ids: Tensor2D, options: Partial<T5CallOptions> = {}): AnswerLogits {
    const x = this.model.call(ids, { decoderIds: this.model.shiftRight(ids), ...options }); // [batch, seq, dim]
    const [startLogits, endLogits] = unstack(this.head.call(x), 2) as [Tensor2D, Tensor2D]; // each [batch, seq]
    return { startLogits, endLogits };
  }

  /**
   * Mean cross-entropy of the first and the last token of the answers, in nats. Places beyond the sequence don't count: answers that were cut off.
   *
   * @param options.starts int32 [batch] or [batch, 1], the first token of each answer
   * @param options.ends the last one, likewise
   */
  loss(
    ids: Tensor2D,
    { starts, ends, ...options }: Partial<T5CallOptions> & { starts: Tensor1D | Tensor2D; ends: Tensor1D | Tensor2D },
  ): Scalar {
    return tidy(() => answerLoss(this.call(ids, options), { starts, ends }));
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<T5ForQuestionAnswering> {
    return loadPretrained(location, {
      format: T5_QUESTION_ANSWERING,
      create: (config, init) => new T5ForQuestionAnswering(config, init),
      options,
    });
  }
}
