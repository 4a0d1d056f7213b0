import { FusedSelfAttention, type SelfAttentionOptions } from '@formers/attention';
import { type RandomStream, report } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Dropout,
  Embedding,
  FeedForward,
  type InitOptions,
  initStream,
  LayerNorm,
  loadPretrained,
  Module,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { LearnedPositions } from '@formers/positional';
import { add, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';

import { checkCall, type GPTCallOptions } from './call-options.ts';
import { type GPT1Config, gpt1Config, type GPT1Options } from './gpt1-config.ts';
import { GPT1_LANGUAGE_MODEL, GPT1_MODEL, GPT1_SEQUENCE_CLASSIFIER } from './gpt1-hf.ts';
import { LanguageModel } from './language-model.ts';
import { gpt1Mask } from './masks.ts';
import { SequenceClassifier } from './sequence-classifier.ts';

/** One decoder layer, post-norm: `n = norm1(x + attention(x))`, then `norm2(n + mlp(n))` (GPT-1, equation 2). */
export class GPT1Layer extends Module<[x: Tensor3D, options?: SelfAttentionOptions], Tensor3D> {
  attention: FusedSelfAttention;
  norm1: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  norm2: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: GPT1Config, random: RandomStream | null) {
    super();
    const { dim, numHeads, activation, attentionDropout, residualDropout, normEpsilon, initStd } = config;
    const start = { init: normal(initStd), random };
    this.attention = new FusedSelfAttention({ dim, numHeads, causal: true, dropout: attentionDropout, ...start });
    this.norm1 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.mlp = new FeedForward({ dim, hiddenDim: 4 * dim, activation, dropout: residualDropout, ...start });
    this.norm2 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.dropout = new Dropout(residualDropout);
  }

  protected override forward(x: Tensor3D, options?: SelfAttentionOptions): Tensor3D {
    const attended = this.norm1.call(add(x, this.dropout.call(this.attention.call(x, options)))); // [batch, seq, dim]
    return this.norm2.call(add(attended, this.mlp.call(attended))); // [batch, seq, dim]
  }
}

/** The decoder stack of GPT-1 (Radford et al. 2018) without a head: ids [batch, seq] to hidden states [batch, seq, dim]. */
export class GPT1Model extends PretrainedModel<[ids: Tensor2D, options?: GPTCallOptions], Tensor3D, GPT1Config> {
  readonly config: GPT1Config;
  readonly format: typeof GPT1_MODEL = GPT1_MODEL;
  tokens: Embedding;
  positions: LearnedPositions;
  readonly dropout: Dropout<Tensor3D>;
  layers: GPT1Layer[];

  constructor(options: GPT1Options, init: InitOptions = {}) {
    super();
    const config = gpt1Config(options);
    const random = initStream(init);
    const { vocabSize, contextLength, dim, numLayers, embeddingDropout, initStd } = config;
    const start = { init: normal(initStd), random };
    this.config = config;
    this.tokens = new Embedding({ vocabSize, dim, ...start });
    this.positions = new LearnedPositions({ contextLength, dim, ...start });
    this.dropout = new Dropout(embeddingDropout);
    this.layers = Array.from({ length: numLayers }, () => new GPT1Layer(config, random));
  }

  protected override forward(ids: Tensor2D, { attentionMask, positionIds, cache }: GPTCallOptions = {}): Tensor3D {
    checkCall('GPT1Model', ids, { attentionMask, positionIds, cache });
    const [, seq] = ids.shape;
    const positions = this.positions.call(positionIds ? { positionIds } : { seq, offset: cache?.length ?? 0 }); // [1 or batch, seq, dim]
    const masks = attentionMask && { ...gpt1Mask(attentionMask, seq), causal: false };
    let x = this.dropout.call(add(this.tokens.call(ids), positions)); // [batch, seq, dim]
    report('hiddenStates', () => x);
    for (const [i, layer] of this.layers.entries()) {
      x = layer.call(x, { ...masks, cache: cache?.layer(i) }); // [batch, seq, dim]
      report('hiddenStates', () => x);
    }
    return x;
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPT1Model> {
    return loadPretrained(location, {
      format: GPT1_MODEL,
      create: (config, init) => new GPT1Model(config, init),
      options,
    });
  }
}

/** GPT-1 as a language model: ids [batch, seq] to the logits of each next token, [batch, seq, vocab]. */
export class GPT1 extends LanguageModel<GPT1Config, GPT1Model> {
  readonly format: typeof GPT1_LANGUAGE_MODEL = GPT1_LANGUAGE_MODEL;

  constructor(options: GPT1Options, init: InitOptions = {}) {
    super(new GPT1Model(options, init), init);
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPT1> {
    return loadPretrained(location, {
      format: GPT1_LANGUAGE_MODEL,
      create: (config, init) => new GPT1(config, init),
      options,
    });
  }
}

/** GPT-1 with a classifier on the last token of each sequence: ids [batch, seq] to logits [batch, labels]. */
export class GPT1ForSequenceClassification extends SequenceClassifier<GPT1Config, GPT1Model> {
  readonly format: typeof GPT1_SEQUENCE_CLASSIFIER = GPT1_SEQUENCE_CLASSIFIER;

  constructor(options: GPT1Options, init: InitOptions = {}) {
    super(new GPT1Model(options, init), init);
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPT1ForSequenceClassification> {
    return loadPretrained(location, {
      format: GPT1_SEQUENCE_CLASSIFIER,
      create: (config, init) => new GPT1ForSequenceClassification(config, init),
      options,
    });
  }
}
