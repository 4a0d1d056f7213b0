import { crossEntropy } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import {
  add,
  cast,
  clipByValue,
  div,
  type Scalar,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
  unstack,
} from '@tensorflow/tfjs-core';

import type { T5Config, T5Options } from './config.ts';
import { T5_QUESTION_ANSWERING } from './hf.ts';
import { type T5CallOptions, T5Model } from './model.ts';

/** How well each place begins and ends the answer; each [batch, seq]. */
export interface T5AnswerLogits {
  startLogits: Tensor2D;
  endLogits: Tensor2D;
}

/** T5 that finds the answer to a question in the source: ids [batch, seq] to logits of its first and last token, each [batch, seq]. */
export class T5ForQuestionAnswering extends PretrainedModel<
  [ids: Tensor2D, options?: Partial<T5CallOptions>],
  T5AnswerLogits,
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

  protected override forward(ids: Tensor2D, options: Partial<T5CallOptions> = {}): T5AnswerLogits {
    const x = this.model.call(ids, { decoderIds: this.model.shiftRight(ids), ...options }); // [batch, seq, dim]
    const [startLogits, endLogits] = unstack(this.head.call(x), 2) as [Tensor2D, Tensor2D]; // each [batch, seq]
    return { startLogits, endLogits };
  }

  /**
   * Mean cross-entropy of the first and the last token of the answers, in nats. Places beyond the sequence don't count: answers that were cut off.
   *
   * @param options.starts int32 [batch], the first token of each answer
   * @param options.ends int32 [batch], the last one
   */
  loss(
    ids: Tensor2D,
    { starts, ends, ...options }: Partial<T5CallOptions> & { starts: Tensor1D; ends: Tensor1D },
  ): Scalar {
    return tidy(() => {
      const { startLogits, endLogits } = this.call(ids, options);
      return div(add(placeLoss(startLogits, starts), placeLoss(endLogits, ends)), 2);
    });
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

/** Cross-entropy of places [batch] against logits [batch, seq]; those beyond the end don't count, negative ones are the first. */
function placeLoss(logits: Tensor2D, places: Tensor1D): Scalar {
  const [, seq] = logits.shape;
  return crossEntropy(logits, cast(clipByValue(places, 0, seq), 'int32'), { ignoreIndex: seq });
}
