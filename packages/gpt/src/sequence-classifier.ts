import { ConfigError } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import { type InitOptions, initStream, Linear, loadPretrained, normal, PretrainedModel, type PretrainedOptions } from '@formers/nn';
import {
  argMax,
  cast,
  equal,
  expandDims,
  mul,
  notEqual,
  onesLike,
  range,
  sum,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core';

import type { GPTConfig, GPTOptions } from './config.ts';
import { GPT2_SEQUENCE_CLASSIFIER } from './hf.ts';
import { type GPTCallOptions, GPTModel } from './model.ts';

/** GPT-2 with a classifier on the last token of each sequence: ids [batch, seq] to logits [batch, labels]. */
export class GPTForSequenceClassification extends PretrainedModel<
  [ids: Tensor2D, options?: GPTCallOptions],
  Tensor2D,
  GPTConfig
> {
  readonly format: typeof GPT2_SEQUENCE_CLASSIFIER = GPT2_SEQUENCE_CLASSIFIER;
  decoder: GPTModel;
  head: Linear<Tensor2D>;

  constructor(options: GPTOptions, init: InitOptions = {}) {
    super();
    this.decoder = new GPTModel(options, init);
    const { dim, labels, initStd } = this.config;
    this.head = new Linear({
      inDim: dim,
      outDim: labels.length,
      bias: false,
      init: normal(initStd),
      random: initStream(init, 'head-init'),
    });
  }

  get config(): GPTConfig {
    return this.decoder.config;
  }

  protected override forward(ids: Tensor2D, options?: GPTCallOptions): Tensor2D {
    const x = this.decoder.call(ids, options); // [batch, seq, dim]
    const chosen = cast(equal(expandDims(this.#lastToken(ids), 1), range(0, ids.shape[1], 1, 'int32')), 'float32'); // [batch, seq]
    return this.head.call(sum(mul(x, expandDims(chosen, 2)), 1)); // [batch, labels]
  }

  /** Index of each sequence's last token that isn't padding; the last one where the config names no padding token. */
  #lastToken(ids: Tensor2D): Tensor1D {
    const { padTokenId } = this.config;
    const [batch, seq] = ids.shape;
    if (padTokenId === undefined && batch > 1)
      throw new ConfigError(
        'GPTForSequenceClassification: padTokenId must be set to classify more than one sequence at once',
      );
    const positions = range(1, seq + 1, 1, 'int32'); // counts from 1, so that a sequence of padding alone gives its first place
    const isToken = padTokenId === undefined ? onesLike(ids) : cast(notEqual(ids, padTokenId), 'int32');
    return argMax(mul(positions, isToken), 1); // [batch]
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPTForSequenceClassification> {
    return loadPretrained(location, {
      format: GPT2_SEQUENCE_CLASSIFIER,
      create: (config, init) => new GPTForSequenceClassification(config, init),
      options,
    });
  }
}
