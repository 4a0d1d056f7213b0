import { type AttentionOptions, MultiHeadAttention } from '@formers/attention';
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
import { type GPTNeoConfig, gptNeoConfig, type GPTNeoOptions } from './gpt-neo-config.ts';
import { GPT_NEO_LANGUAGE_MODEL, GPT_NEO_MODEL, GPT_NEO_SEQUENCE_CLASSIFIER } from './gpt-neo-hf.ts';
import { LanguageModel } from './language-model.ts';
import { gptNeoMask } from './masks.ts';
import { SequenceClassifier } from './sequence-classifier.ts';

/** One decoder layer, pre-norm as in GPT-2; its scores aren't divided by √headDim, and local layers look back over a window alone. */
export class GPTNeoLayer extends Module<[x: Tensor3D, options?: AttentionOptions], Tensor3D> {
  norm1: LayerNorm<Tensor3D>;
  attention: MultiHeadAttention;
  norm2: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;
  /** How many tokens, itself included, a token sees; undefined = all earlier ones. */
  readonly window: number | undefined;

  constructor(config: GPTNeoConfig, { index, random }: { index: number; random: RandomStream | null }) {
    super();
    const { dim, hiddenDim, numHeads, activation, residualDropout, normEpsilon, initStd, attentionLayers } = config;
    const start = {
      init: normal(initStd),
      outputInit: normal(initStd / Math.sqrt(2 * attentionLayers.length)),
      random,
    };
    this.window = config.attentionLayers[index] === 'local' ? config.windowSize : undefined;
    this.norm1 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.attention = new MultiHeadAttention({
      dim,
      numHeads,
      causal: true,
      window: this.window,
      scale: 1,
      bias: false,
      outputBias: true,
      dropout: config.attentionDropout,
      ...start,
    });
    this.norm2 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.mlp = new FeedForward({ dim, hiddenDim, activation, dropout: residualDropout, ...start });
    this.dropout = new Dropout(residualDropout);
  }

  protected override forward(x: Tensor3D, options?: AttentionOptions): Tensor3D {
    const attended: Tensor3D = add(x, this.dropout.call(this.attention.call(this.norm1.call(x), options))); // [batch, seq, dim]
    return add(attended, this.mlp.call(this.norm2.call(attended))); // [batch, seq, dim]
  }
}

/** The decoder stack of GPT-Neo (Black et al. 2021; GPT-3's layout, Brown et al. 2020, section 2.1) without a head: ids [batch, seq] to hidden states [batch, seq, dim]. */
export class GPTNeoModel extends PretrainedModel<[ids: Tensor2D, options?: GPTCallOptions], Tensor3D, GPTNeoConfig> {
  readonly config: GPTNeoConfig;
  readonly format: typeof GPT_NEO_MODEL = GPT_NEO_MODEL;
  tokens: Embedding;
  positions: LearnedPositions;
  readonly dropout: Dropout<Tensor3D>;
  layers: GPTNeoLayer[];
  norm: LayerNorm<Tensor3D>;

  constructor(options: GPTNeoOptions, init: InitOptions = {}) {
    super();
    const config = gptNeoConfig(options);
    const random = initStream(init);
    const { vocabSize, contextLength, dim, attentionLayers, embeddingDropout, normEpsilon, initStd } = config;
    const start = { init: normal(initStd), random };
    this.config = config;
    this.tokens = new Embedding({ vocabSize, dim, ...start });
    this.positions = new LearnedPositions({ contextLength, dim, ...start });
    this.dropout = new Dropout(embeddingDropout);
    this.layers = attentionLayers.map((_, index) => new GPTNeoLayer(config, { index, random }));
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
  }

  protected override forward(ids: Tensor2D, { attentionMask, positionIds, cache }: GPTCallOptions = {}): Tensor3D {
    checkCall('GPTNeoModel', ids, { attentionMask, positionIds, cache });
    const [, seq] = ids.shape;
    const positions = this.positions.call(positionIds ? { positionIds } : { seq, offset: cache?.length ?? 0 }); // [1 or batch, seq, dim]
    const masksOf = (window?: number): AttentionOptions | undefined =>
      attentionMask && { ...gptNeoMask(attentionMask, { queries: seq, window }), causal: false };
    const global = masksOf();
    const local = masksOf(this.config.windowSize);
    let x = this.dropout.call(add(this.tokens.call(ids), positions)); // [batch, seq, dim]
    for (const [i, layer] of this.layers.entries()) {
      report('hiddenStates', () => x);
      const masks = this.config.attentionLayers[i] === 'local' ? local : global;
      x = layer.call(x, { ...masks, cache: cache?.layer(i) }); // [batch, seq, dim]
    }
    x = this.norm.call(x); // [batch, seq, dim]
    report('hiddenStates', () => x);
    return x;
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPTNeoModel> {
    return loadPretrained(location, {
      format: GPT_NEO_MODEL,
      create: (config, init) => new GPTNeoModel(config, init),
      options,
    });
  }
}

/** GPT-Neo as a language model: ids [batch, seq] to the logits of each next token, [batch, seq, vocab]. */
export class GPTNeo extends LanguageModel<GPTNeoConfig, GPTNeoModel> {
  readonly format: typeof GPT_NEO_LANGUAGE_MODEL = GPT_NEO_LANGUAGE_MODEL;

  constructor(options: GPTNeoOptions, init: InitOptions = {}) {
    super(new GPTNeoModel(options, init), init);
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<GPTNeo> {
    return loadPretrained(location, {
      format: GPT_NEO_LANGUAGE_MODEL,
      create: (config, init) => new GPTNeo(config, init),
      options,
    });
  }
}

/** GPT-Neo with a classifier on the last token of each sequence: ids [batch, seq] to logits [batch, labels]. */
export class GPTNeoForSequenceClassification extends SequenceClassifier<GPTNeoConfig, GPTNeoModel> {
  readonly format: typeof GPT_NEO_SEQUENCE_CLASSIFIER = GPT_NEO_SEQUENCE_CLASSIFIER;

  constructor(options: GPTNeoOptions, init: InitOptions = {}) {
    super(new GPTNeoModel(options, init), init);
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    options?: PretrainedOptions,
  ): Promise<GPTNeoForSequenceClassification> {
    return loadPretrained(location, {
      format: GPT_NEO_SEQUENCE_CLASSIFIER,
      create: (config, init) => new GPTNeoForSequenceClassification(config, init),
      options,
    });
  }
}
