import type { CrossEntropyOptions } from '@formers/backend';
import { type Embedding, PretrainedModel } from '@formers/nn';
import { type Scalar, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import type { MaskedLanguageHead } from './masked-language-head.ts';
import type { EncoderOptions, TextEncoder } from './text-encoder.ts';

/** An encoder that has learned its tokens. */
type TokenEncoder<Options extends EncoderOptions> = TextEncoder<Options> & { tokens: Embedding };

/** An encoder that fills in words (BERT, section 3.1, task 1): ids [batch, seq] to logits [batch, seq, vocab]. */
export abstract class MaskedLanguageModel<
  Config extends object,
  Options extends EncoderOptions,
  Encoder extends TokenEncoder<Options> = TokenEncoder<Options>,
> extends PretrainedModel<[ids: Tensor2D, options?: Options], Tensor3D, Config> {
  readonly config: Config;
  encoder: Encoder;
  head: MaskedLanguageHead;

  constructor(config: Config, parts: { encoder: Encoder; head: MaskedLanguageHead }) {
    super();
    this.config = config;
    this.encoder = parts.encoder;
    this.head = parts.head;
  }

  protected override forward(ids: Tensor2D, options?: Options): Tensor3D {
    return this.head.call(this.encoder.call(ids, options), this.encoder.tokens.weight); // [batch, seq, vocab]
  }

  /**
   * Cross-entropy of the words, in nats per masked token.
   *
   * @param ids int32 [batch, seq], with some tokens masked
   * @param options.targets int32 [batch, seq], the tokens that were there; -100 = don't count
   */
  loss(ids: Tensor2D, options: Options & CrossEntropyOptions & { targets: Tensor2D }): Scalar {
    const tokens = this.encoder.tokens.weight;
    return tidy(() => this.head.loss(this.encoder.call(ids, options), { ...options, tokens }));
  }
}
