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
  clipByValue,
  div,
  add,
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

/** Where the answer begins and where it ends: a logit for each place, [batch, seq]. */
export interface T5Span {
  start: Tensor2D;
  end: Tensor2D;
}

/** T5 that finds the answer to a question in the source: ids [batch, seq] to logits of its first and last token, each [batch, seq]. */
export class T5ForQuestionAnswering extends PretrainedModel<
  [ids: Tensor2D, options?: Partial<T5CallOptions>],
  T5Span,
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

  protected override forward(ids: Tensor2D, options: Partial<T5CallOptions> = {}): T5Span {
    const x = this.model.call(ids, { decoderIds: this.model.shiftRight(ids), ...options }); // [batch, seq, dim]
    const [start, end] = unstack(this.head.call(x), 2) as [Tensor2D, Tensor2D]; // each [batch, seq]
    return { start, end };
  }

  /**
   * Mean cross-entropy of first and last token, in nats.
   *
   * @param options.start int32 [batch], the first token of each answer; at or beyond the end of the source = don't count
   * @param options.end int32 [batch], the last one
   */
  loss(ids: Tensor2D, { start, end, ...options }: Partial<T5CallOptions> & { start: Tensor1D; end: Tensor1D }): Scalar {
    return tidy(() => {
      const logits = this.call(ids, options);
      return div(add(placeLoss(logits.start, start), placeLoss(logits.end, end)), 2);
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
  return crossEntropy(logits, clipByValue(places, 0, seq), { ignoreIndex: seq });
}
