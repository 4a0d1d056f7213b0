import { type CrossEntropyOptions, linear, linearCrossEntropy } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  type InitOptions,
  initStream,
  Linear,
  normal,
  parameter,
  PretrainedModel,
  type PretrainedOptions,
  zeros,
} from '@formers/nn';
import {
  type Rank,
  reshape,
  type Scalar,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
  type Variable,
} from '@tensorflow/tfjs-core';

import type { BARTConfig, BARTOptions } from './config.ts';
import { BART_CONDITIONAL_GENERATION } from './hf.ts';
import { loadBART } from './load.ts';
import { type BARTCallOptions, type BARTDecodeOptions, BARTModel } from './model.ts';
import type { BARTEncodeOptions } from './stacks.ts';

/** What the loss is told besides the source. */
export interface BARTLossOptions extends BARTCallOptions, Pick<CrossEntropyOptions, 'labelSmoothing' | 'reduction'> {
  /** int32 [batch, targetSeq], what the decoder is to write; -100 = don't count. `decoderIds` are these moved right, unless given. */
  targets: Tensor2D;
}

/**
 * BART that writes text (Lewis et al. 2020): ids of the source [batch, seq] and of the target to the logits of each next token, [batch, targetSeq, vocab].
 *
 * @example
 * using model = new BART({ vocabSize: 80, ...BART_PRESETS.testing }, { seed: 1 });
 * const loss = model.loss(ids, { targets, attentionMask });
 */
export class BART extends PretrainedModel<[ids: Tensor2D, options?: BARTCallOptions], Tensor3D, BARTConfig> {
  readonly format: typeof BART_CONDITIONAL_GENERATION = BART_CONDITIONAL_GENERATION;
  model: BARTModel;
  /** The output projection, where it isn't the token embedding. */
  head: Linear<Tensor3D> | undefined;
  /** [1, vocab], added to the logits; not trained. */
  readonly logitsBias: Variable<Rank.R2> | undefined;

  constructor(options: BARTOptions, init: InitOptions = {}) {
    super();
    this.model = new BARTModel(options, init);
    const { dim, vocabSize, initStd, tieEmbeddings, logitsBias } = this.config;
    const random = initStream(init, 'head-init');
    this.head = tieEmbeddings
      ? undefined
      : new Linear({ inDim: dim, outDim: vocabSize, bias: false, init: normal(initStd), random });
    if (tieEmbeddings) this.model.tokens.weight.trainable = true; // the output projection reads it
    this.logitsBias = logitsBias ? parameter<Rank.R2>([1, vocabSize], { init: zeros, random }) : undefined;
    if (this.logitsBias) this.logitsBias.trainable = false;
  }

  get config(): BARTConfig {
    return this.model.config;
  }

  protected override forward(ids: Tensor2D, options?: BARTCallOptions): Tensor3D {
    return this.#logits(this.model.call(ids, options)); // [batch, targetSeq, vocab]
  }

  /** The encoder alone: ids of the source [batch, seq] to its states [batch, seq, dim]. */
  encode(ids: Tensor2D, options?: BARTEncodeOptions): Tensor3D {
    return this.model.encode(ids, options);
  }

  /**
   * The decoder alone: ids of the target to the logits of each next token, [batch, targetSeq, vocab].
   *
   * @param options.lastOnly Whether only the logits of the last position are wanted: [batch, 1, vocab].
   */
  decode(decoderIds: Tensor2D, { lastOnly = false, ...options }: BARTDecodeOptions & { lastOnly?: boolean }): Tensor3D {
    return tidy(() => {
      const x = this.model.decode(decoderIds, options); // [batch, targetSeq, dim]
      const [batch, seq, dim] = x.shape;
      return this.#logits(lastOnly ? slice(x, [0, seq - 1, 0], [batch, 1, dim]) : x);
    });
  }

  /** Cross-entropy of the targets, in nats per token. */
  loss(ids: Tensor2D, { targets, labelSmoothing = 0, reduction = 'mean', ...options }: BARTLossOptions): Scalar {
    return tidy(() => {
      const decoderIds = options.decoderIds ?? this.model.shiftRight(targets);
      const x = this.model.call(ids, { ...options, decoderIds }); // [batch, targetSeq, dim]
      const output = { labels: targets, bias: this.#outputBias, labelSmoothing, reduction };
      return linearCrossEntropy(x, this.#outputWeight, output); // never holds all logits where the engine can do without
    });
  }

  #logits(x: Tensor3D): Tensor3D {
    return linear(x, this.#outputWeight, { bias: this.#outputBias });
  }

  get #outputBias(): Tensor1D | undefined {
    return this.logitsBias && (reshape(this.logitsBias as Tensor, [-1]) as Tensor1D); // [vocab]
  }

  get #outputWeight(): Tensor2D {
    return this.head?.adaptedWeight ?? this.model.tokens.weight; // [vocab, dim]
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BART> {
    return loadBART(location, {
      format: BART_CONDITIONAL_GENERATION,
      create: (config, init) => new BART(config, init),
      options,
    });
  }
}
