import { checkShape, crossEntropy, type RandomStream } from '@formers/backend';
import { Dropout, Linear, normal, PretrainedModel } from '@formers/nn';
import {
  reshape,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
} from '@tensorflow/tfjs-core';

import type { FirstTokenPooler } from './first-token-pooler.ts';
import type { EncoderOptions, TextEncoder } from './text-encoder.ts';

/** The options of an encoder for every choice: tensors of [batch, choices, seq]. */
export type ChoiceOptions<Options extends EncoderOptions> = { [Name in keyof Options]?: Tensor3D | undefined };

/** An encoder that picks one of several texts (BERT, section 4.4): ids [batch, choices, seq] to logits [batch, choices]. */
export abstract class MultipleChoice<
  Config extends { dim: number; initStd: number },
  Options extends EncoderOptions,
  Encoder extends TextEncoder<Options> = TextEncoder<Options>,
> extends PretrainedModel<[ids: Tensor3D, options?: ChoiceOptions<Options>], Tensor2D, Config> {
  readonly config: Config;
  encoder: Encoder;
  pooler: FirstTokenPooler;
  readonly dropout: Dropout<Tensor2D>;
  head: Linear<Tensor2D>;

  constructor(
    config: Config,
    {
      encoder,
      pooler,
      dropout,
      random,
    }: { encoder: Encoder; pooler: FirstTokenPooler; dropout: number; random: RandomStream | null },
  ) {
    super();
    this.config = config;
    this.encoder = encoder;
    this.pooler = pooler;
    this.dropout = new Dropout(dropout);
    this.head = new Linear({ inDim: config.dim, outDim: 1, init: normal(config.initStd), random });
  }

  protected override forward(ids: Tensor3D, options: ChoiceOptions<Options> = {}): Tensor2D {
    checkShape(`${this.constructor.name}: ids`, ids, ['batch', 'choices', 'seq']);
    const [batch, choices, seq] = ids.shape;
    const flat = (x: Tensor3D): Tensor2D => reshape(x as Tensor, [-1, seq]); // [batch * choices, seq]
    const each: Record<string, Tensor2D> = {};
    for (const [name, x] of Object.entries<Tensor3D | undefined>(options)) if (x) each[name] = flat(x);
    const pooled = this.pooler.call(this.encoder.call(flat(ids), each as unknown as Options)); // [batch * choices, dim]
    return reshape(this.head.call(this.dropout.call(pooled)), [batch, choices]);
  }

  /**
   * Cross-entropy of the choices, in nats.
   *
   * @param options.labels int32 [batch], the right choices
   */
  loss(ids: Tensor3D, { labels, ...options }: ChoiceOptions<Options> & { labels: Tensor1D }): Scalar {
    return tidy(() => crossEntropy(this.call(ids, options as unknown as ChoiceOptions<Options>), labels));
  }
}
