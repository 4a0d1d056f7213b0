import type { FolderLocation } from '@formers/checkpoints';
import {
  answerLoss,
  type AnswerLogits,
  type InitOptions,
  initStream,
  Linear,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { type Scalar, type Tensor1D, type Tensor2D, type Tensor3D, tidy, unstack } from '@tensorflow/tfjs-core';

import type { BARTConfig, BARTOptions } from './config.ts';
import { BART_QUESTION_ANSWERING } from './hf.ts';
import { loadBART } from './load.ts';
import { type BARTCallOptions, BARTModel } from './model.ts';

/** BART that finds the answer to a question in the source: ids [batch, seq] to logits of its first and last token, each [batch, seq]. */
export class BARTForQuestionAnswering extends PretrainedModel<
  [ids: Tensor2D, options?: BARTCallOptions],
  AnswerLogits,
  BARTConfig
> {
  readonly format: typeof BART_QUESTION_ANSWERING = BART_QUESTION_ANSWERING;
  model: BARTModel;
  /** To the logits of start and end. */
  head: Linear<Tensor3D>;

  constructor(options: BARTOptions, init: InitOptions = {}) {
    super();
    this.model = new BARTModel(options, init);
    const { dim, initStd } = this.config;
    const random = initStream(init, 'head-init');
    this.head = new Linear({ inDim: dim, outDim: 2, init: normal(initStd), random });
  }

  get config(): BARTConfig {
    return this.model.config;
  }

  protected override forward(ids: Tensor2D, options?: BARTCallOptions): AnswerLogits {
    const x = this.model.call(ids, options); // [batch, seq, dim]
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
    { starts, ends, ...options }: BARTCallOptions & { starts: Tensor1D | Tensor2D; ends: Tensor1D | Tensor2D },
  ): Scalar {
    return tidy(() => answerLoss(this.call(ids, options), { starts, ends }));
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BARTForQuestionAnswering> {
    return loadBART(location, {
      format: BART_QUESTION_ANSWERING,
      create: (config, init) => new BARTForQuestionAnswering(config, init),
      options,
    });
  }
}
