import { type CrossEntropyOptions, linear, linearCrossEntropy } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import { type InitOptions, initStream, Linear, loadPretrained, normal, PretrainedModel, type PretrainedOptions } from '@formers/nn';
import { type Scalar, slice, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import type { GPTConfig, GPTOptions } from './config.ts';
import { GPT2_LANGUAGE_MODEL } from './hf.ts';
import { type GPTCallOptions, GPTModel } from './model.ts';

/** What a language model call may be told besides the ids. */
export interface LanguageModelOptions extends GPTCallOptions {
  /** Whether only the logits of the last position are wanted; default false. */
  lastOnly?: boolean;
}

/**
 * GPT-2 as a language model: ids [batch, seq] to the logits of each next token, [batch, seq, vocab].
 *
 * @example
 * using model = new GPT({ vocabSize: 65, contextLength: 64, dim: 128, numHeads: 4, numLayers: 4 }, { seed: 1337 });
 * const logits = model.call(ids);
 */
export class GPT extends PretrainedModel<[ids: Tensor2D, options?: LanguageModelOptions], Tensor3D, GPTConfig> {
  readonly format: typeof GPT2_LANGUAGE_MODEL = GPT2_LANGUAGE_MODEL;
  decoder: GPTModel;
  /** The output projection, where it isn't the token embedding. */
  head: Linear<Tensor3D> | undefined;

  constructor(options: GPTOptions, init: InitOptions = {}) {
    super();
    this.decoder = new GPTModel(options, init);
    const { dim, vocabSize, initStd, tieEmbeddings } = this.config;
    this.head = tieEmbeddings
      ? undefined
      : new Linear({
          inDim: dim,
          outDim: vocabSize,
          bias: false,
          init: normal(initStd),
          random: initStream(init, 'head-init'),
        });
  }

  get config(): GPTConfig {
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
    return (this.head ?? this.decoder.tokens).weight; // [vocab, dim]
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPT> {
    return loadPretrained(location, {
      format: GPT2_LANGUAGE_MODEL,
      create: (config, init) => new GPT(config, init),
      options,
    });
  }
}
