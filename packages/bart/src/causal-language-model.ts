import type { KVCache } from '@formers/attention';
import { checkShape, type CrossEntropyOptions, linear, linearCrossEntropy } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  type Embedding,
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { type Scalar, slice, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import { type BARTConfig, bartConfig, type BARTOptions } from './config.ts';
import { BART_CAUSAL_LANGUAGE_MODEL } from './hf.ts';
import { createTokens, embed } from './model.ts';
import { BARTDecoder } from './stacks.ts';

/** What a call is told besides the ids. */
export interface BARTCausalOptions {
  /** [batch, keys], 1 = token, 0 = padding; with a cache, of all tokens, those in it first. Default no padding. */
  attentionMask?: Tensor2D | undefined;
  /** Keys and values of earlier tokens; the new ones are added. */
  cache?: KVCache | undefined;
}

/**
 * The decoder of BART alone as a language model: ids [batch, seq] to the logits of each next token, [batch, seq, vocab]. Its attention to a source is there,
 * as in the checkpoints, and rests. Positions count padding, too.
 */
export class BARTForCausalLM extends PretrainedModel<
  [ids: Tensor2D, options?: BARTCausalOptions & { lastOnly?: boolean }],
  Tensor3D,
  BARTConfig
> {
  readonly config: BARTConfig;
  readonly format: typeof BART_CAUSAL_LANGUAGE_MODEL = BART_CAUSAL_LANGUAGE_MODEL;
  tokens: Embedding;
  decoder: BARTDecoder;
  /** The output projection, where it isn't the token embedding. */
  head: Linear<Tensor3D> | undefined;

  constructor(options: BARTOptions, init: InitOptions = {}) {
    super();
    const config = bartConfig(options);
    const random = initStream(init);
    const { dim, vocabSize, initStd, tieEmbeddings } = config;
    this.config = config;
    this.tokens = createTokens(config, random);
    this.decoder = new BARTDecoder(config, random);
    const head = { inDim: dim, outDim: vocabSize, bias: false, init: normal(initStd) };
    this.head = tieEmbeddings ? undefined : new Linear({ ...head, random: initStream(init, 'head-init') });
  }

  protected override forward(
    ids: Tensor2D,
    { lastOnly = false, ...options }: BARTCausalOptions & { lastOnly?: boolean } = {},
  ): Tensor3D {
    const x = this.#states(ids, options); // [batch, seq, dim]
    const [batch, seq, dim] = x.shape;
    return linear(lastOnly ? slice(x, [0, seq - 1, 0], [batch, 1, dim]) : x, this.#outputWeight); // [batch, seq or 1, vocab]
  }

  /**
   * Cross-entropy of the predictions, in nats per token.
   *
   * @param options.targets int32 [batch, seq], what follows each token; -100 = don't count
   */
  loss(
    ids: Tensor2D,
    {
      targets,
      attentionMask,
      ...options
    }: Omit<BARTCausalOptions, 'cache'> &
      Pick<CrossEntropyOptions, 'labelSmoothing' | 'reduction'> & { targets: Tensor2D },
  ): Scalar {
    return tidy(() =>
      linearCrossEntropy(this.#states(ids, { attentionMask }), this.#outputWeight, { labels: targets, ...options }),
    );
  }

  #states(ids: Tensor2D, { attentionMask, cache }: BARTCausalOptions): Tensor3D {
    checkShape('BARTForCausalLM: ids', ids, ['batch', 'seq']);
    return this.decoder.call(embed(ids, this), { decoderAttentionMask: attentionMask, cache });
  }

  get #outputWeight(): Tensor2D {
    return this.head?.adaptedWeight ?? this.tokens.weight; // [vocab, dim]
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BARTForCausalLM> {
    return loadPretrained(location, {
      format: BART_CAUSAL_LANGUAGE_MODEL,
      create: (config, init) => new BARTForCausalLM(config, init),
      options,
    });
  }
}
