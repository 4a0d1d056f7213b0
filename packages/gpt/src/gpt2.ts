import { causalPaddingMask, FusedSelfAttention, type SelfAttentionOptions } from '@formers/attention';
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
import { type GPTConfig, gptConfig, type GPTOptions } from './gpt2-config.ts';
import { GPT2_LANGUAGE_MODEL, GPT2_MODEL, GPT2_SEQUENCE_CLASSIFIER } from './gpt2-hf.ts';
import { LanguageModel } from './language-model.ts';
import { SequenceClassifier } from './sequence-classifier.ts';

/** One decoder layer, pre-norm: `x + attention(norm1(x))`, then `x + mlp(norm2(x))` (GPT-2, section 2.3). */
export class GPTLayer extends Module<[x: Tensor3D, options?: SelfAttentionOptions], Tensor3D> {
  norm1: LayerNorm<Tensor3D>;
  attention: FusedSelfAttention;
  norm2: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: GPTConfig, { index, random }: { index: number; random: RandomStream | null }) {
    super();
    const { dim, hiddenDim, numHeads, numLayers, activation, attentionDropout, residualDropout, normEpsilon, initStd } =
      config;
    const init = normal(initStd);
    const outputInit = normal(initStd / Math.sqrt(2 * numLayers));
    const scale =
      (config.scaleAttention ? 1 / Math.sqrt(dim / numHeads) : 1) / (config.scaleAttentionByLayer ? index + 1 : 1);
    this.norm1 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.attention = new FusedSelfAttention({
      dim,
      numHeads,
      causal: true,
      dropout: attentionDropout,
      scale,
      init,
      outputInit,
      random,
    });
    this.norm2 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.mlp = new FeedForward({ dim, hiddenDim, activation, dropout: residualDropout, init, outputInit, random });
    this.dropout = new Dropout(residualDropout);
  }

  protected override forward(x: Tensor3D, options?: SelfAttentionOptions): Tensor3D {
    const attended = this.dropout.call(this.attention.call(this.norm1.call(x), options)); // [batch, seq, dim]
    const { sum, norm } = this.norm2.sumAndNorm(attended, { residual: x }); // both [batch, seq, dim]
    return add(sum, this.mlp.call(norm)); // [batch, seq, dim]
  }
}

/** The decoder stack of GPT-2 (Radford et al. 2019) without a head: ids [batch, seq] to hidden states [batch, seq, dim]. */
export class GPTModel extends PretrainedModel<[ids: Tensor2D, options?: GPTCallOptions], Tensor3D, GPTConfig> {
  readonly config: GPTConfig;
  readonly format: typeof GPT2_MODEL = GPT2_MODEL;
  tokens: Embedding;
  positions: LearnedPositions;
  readonly dropout: Dropout<Tensor3D>;
  layers: GPTLayer[];
  norm: LayerNorm<Tensor3D>;

  constructor(options: GPTOptions, init: InitOptions = {}) {
    super();
    const config = gptConfig(options);
    const random = initStream(init);
    const { vocabSize, contextLength, dim, numLayers, embeddingDropout, normEpsilon, initStd } = config;
    const start = normal(initStd);
    this.config = config;
    this.tokens = new Embedding({ vocabSize, dim, init: start, random });
    this.positions = new LearnedPositions({ contextLength, dim, init: start, random });
    this.dropout = new Dropout(embeddingDropout);
    this.layers = Array.from({ length: numLayers }, (_, index) => new GPTLayer(config, { index, random }));
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
  }

  protected override forward(ids: Tensor2D, { attentionMask, positionIds, cache }: GPTCallOptions = {}): Tensor3D {
    checkCall('GPTModel', ids, { attentionMask, positionIds, cache });
    const [, seq] = ids.shape;
    const positions = this.positions.call(positionIds ? { positionIds } : { seq, offset: cache?.length ?? 0 }); // [1 or batch, seq, dim]
    const masks = attentionMask && { ...causalPaddingMask(attentionMask, seq), causal: false };
    let x = this.dropout.call(add(this.tokens.call(ids), positions)); // [batch, seq, dim]
    for (const [i, layer] of this.layers.entries()) {
      report('hiddenStates', () => x);
      x = layer.call(x, { ...masks, cache: cache?.layer(i) }); // [batch, seq, dim]
    }
    x = this.norm.call(x); // [batch, seq, dim]
    report('hiddenStates', () => x);
    return x;
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPTModel> {
    return loadPretrained(location, {
      format: GPT2_MODEL,
      create: (config, init) => new GPTModel(config, init),
      options,
    });
  }
}

/**
 * GPT-2 as a language model: ids [batch, seq] to the logits of each next token, [batch, seq, vocab].
 *
 * @example
 * using model = new GPT({ vocabSize: 65, contextLength: 64, dim: 128, numHeads: 4, numLayers: 4 }, { seed: 1337 });
 * const logits = model.call(ids);
 */
export class GPT extends LanguageModel<GPTConfig, GPTModel> {
  readonly format: typeof GPT2_LANGUAGE_MODEL = GPT2_LANGUAGE_MODEL;

  constructor(options: GPTOptions, init: InitOptions = {}) {
    super(new GPTModel(options, init), init);
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

/** GPT-2 with a classifier on the last token of each sequence: ids [batch, seq] to logits [batch, labels]. */
export class GPTForSequenceClassification extends SequenceClassifier<GPTConfig, GPTModel> {
  readonly format: typeof GPT2_SEQUENCE_CLASSIFIER = GPT2_SEQUENCE_CLASSIFIER;

  constructor(options: GPTOptions, init: InitOptions = {}) {
    super(new GPTModel(options, init), init);
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
