import { ConfigError } from '@formers/backend';
import { type InitOptions, initStream, Linear, normal, PretrainedModel } from '@formers/nn';
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

import type { GPTCallOptions } from './call-options.ts';
import type { DecoderConfig, DecoderStack } from './decoder-config.ts';

/** A decoder with a classifier on the last token of each sequence: ids [batch, seq] to logits [batch, labels]. */
export abstract class SequenceClassifier<
  Config extends DecoderConfig,
  Decoder extends DecoderStack<Config>,
> extends PretrainedModel<[ids: Tensor2D, options?: GPTCallOptions], Tensor2D, Config> {
  decoder: Decoder;
  head: Linear<Tensor2D>;

  protected constructor(decoder: Decoder, init: InitOptions) {
    super();
    this.decoder = decoder;
    const { dim, labels, initStd } = decoder.config;
    const start = { init: normal(initStd), random: initStream(init, 'head-init') };
    this.head = new Linear({ inDim: dim, outDim: labels.length, bias: false, ...start });
  }

  get config(): Config {
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
        `${this.format.architecture}: padTokenId must be set to classify more than one sequence at once`,
      );
    const positions = range(1, seq + 1, 1, 'int32'); // counts from 1, so that a sequence of padding alone gives its first place
    const isToken = padTokenId === undefined ? onesLike(ids) : cast(notEqual(ids, padTokenId), 'int32');
    return argMax(mul(positions, isToken), 1); // [batch]
  }
}
