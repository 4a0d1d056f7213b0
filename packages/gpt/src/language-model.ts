import { type CrossEntropyOptions, linear, linearCrossEntropy } from '@formers/backend';
import { type InitOptions, initStream, Linear, normal, PretrainedModel } from '@formers/nn';
import { type Scalar, slice, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import type { GPTCallOptions } from './call-options.ts';
import type { DecoderConfig, DecoderStack } from './decoder-config.ts';

/** What a language model call may be told besides the ids. */
export interface LanguageModelOptions extends GPTCallOptions {
  /** Whether only the logits of the last position are wanted; default false. */
  lastOnly?: boolean;
}

/** A decoder with an output projection: ids [batch, seq] to the logits of each next token, [batch, seq, vocab]. */
export abstract class LanguageModel<
  Config extends DecoderConfig,
  Decoder extends DecoderStack<Config>,
> extends PretrainedModel<[ids: Tensor2D, options?: LanguageModelOptions], Tensor3D, Config> {
  decoder: Decoder;
  /** The output projection, where it isn't the token embedding. */
  head: Linear<Tensor3D> | undefined;

  protected constructor(decoder: Decoder, init: InitOptions) {
    super();
    this.decoder = decoder;
    const { dim, vocabSize, initStd, tieEmbeddings } = decoder.config;
    const start = { init: normal(initStd), random: initStream(init, 'head-init') };
    this.head = tieEmbeddings ? undefined : new Linear({ inDim: dim, outDim: vocabSize, bias: false, ...start });
  }

  get config(): Config {
    return this.decoder.config;
  }

  protected override forward(ids: Tensor2D, { lastOnly = false, ...options }: LanguageModelOptions = {}): Tensor3D {
    const x = this.decoder.call(ids, options); // [batch, seq, dim]
    const [batch, seq, dim] = x.shape;
    return linear(lastOnly ? slice(x, [0, seq - 1, 0], [batch, 1, dim]) : x, this.#outputWeight); // [batch, seq or 1, vocab]
  }

  /**
   * Cross-entropy of the predictions, in nats per token. Never holds all logits where the engine can do without.
   *
   * @param ids int32 [batch, seq]
   * @param options.targets int32 [batch, seq], what follows each token; -100 = don't count
   */
  loss(
    ids: Tensor2D,
    { targets, attentionMask, positionIds, ...options }: GPTCallOptions & CrossEntropyOptions & { targets: Tensor2D },
  ): Scalar {
    return tidy(() => {
      const x = this.decoder.call(ids, { attentionMask, positionIds }); // [batch, seq, dim]
      return linearCrossEntropy(x, this.#outputWeight, { labels: targets, ...options });
    });
  }

  get #outputWeight(): Tensor2D {
    return this.head?.adaptedWeight ?? this.decoder.tokens.weight; // [vocab, dim]
  }
}
