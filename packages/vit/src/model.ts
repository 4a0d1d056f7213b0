import { MultiHeadAttention } from '@formers/attention';
import { applyActivation, checkShape, type RandomStream, report } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Dropout,
  FeedForward,
  type InitOptions,
  initStream,
  LayerNorm,
  Linear,
  loadPretrained,
  Module,
  normal,
  parameter,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { interpolatePositions } from '@formers/positional';
import {
  add,
  concat,
  type Rank,
  reshape,
  slice,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tile,
  type Variable,
} from '@tensorflow/tfjs-core';

import { numPatches, type Size, type ViTConfig, vitConfig, type ViTOptions } from './config.ts';
import { VIT_MODEL } from './hf.ts';
import { PatchEmbedding } from './patch-embedding.ts';

/** What a ViT may be told besides the images. */
export interface ViTCallOptions {
  /** Whether images of another size than the config's are taken, with interpolated positions; default false. */
  interpolatePositions?: boolean | undefined;
}

/** One encoder layer, pre-norm: `x + attention(norm1(x))`, then `x + mlp(norm2(x))` (Dosovitskiy et al. 2021, equations 2 and 3). */
export class ViTLayer extends Module<[x: Tensor3D], Tensor3D> {
  norm1: LayerNorm<Tensor3D>;
  attention: MultiHeadAttention;
  norm2: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(
    { dim, hiddenDim, numHeads, activation, dropout, attentionDropout, normEpsilon, initStd, qkvBias }: ViTConfig,
    random: RandomStream | null,
  ) {
    super();
    const init = normal(initStd);
    this.norm1 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.attention = new MultiHeadAttention({
      dim,
      numHeads,
      bias: qkvBias,
      outputBias: true,
      dropout: attentionDropout,
      init,
      random,
    });
    this.norm2 = new LayerNorm({ dim, epsilon: normEpsilon });
    this.mlp = new FeedForward({ dim, hiddenDim, activation, dropout, init, random });
    this.dropout = new Dropout(dropout);
  }

  protected override forward(x: Tensor3D): Tensor3D {
    const attended: Tensor3D = add(x, this.dropout.call(this.attention.call(this.norm1.call(x)))); // [batch, tokens, dim]
    return add(attended, this.mlp.call(this.norm2.call(attended))); // [batch, tokens, dim]
  }
}

/** The encoder of the Vision Transformer (Dosovitskiy et al. 2021): images [batch, channels, height, width] to hidden states [batch, 1 + patches, dim]. */
export class ViTEncoder extends Module<[images: Tensor4D, options?: ViTCallOptions], Tensor3D> {
  patches: PatchEmbedding;
  /** [1, 1, dim], the token that stands for the whole image. */
  readonly classToken: Variable<Rank.R3>;
  /** [1, 1 + patches, dim] */
  readonly positions: Variable<Rank.R3>;
  readonly dropout: Dropout<Tensor3D>;
  layers: ViTLayer[];
  norm: LayerNorm<Tensor3D>;
  readonly #config: ViTConfig;

  constructor(config: ViTConfig, random: RandomStream | null) {
    super();
    const { dim, numLayers, patchSize, numChannels, dropout, normEpsilon, initStd } = config;
    const init = normal(initStd);
    this.#config = config;
    this.patches = new PatchEmbedding({ patchSize, numChannels, dim, init, random });
    this.classToken = parameter<Rank.R3>([1, 1, dim], { init, random });
    this.positions = parameter<Rank.R3>([1, 1 + numPatches(config), dim], { init, random });
    this.dropout = new Dropout(dropout);
    this.layers = Array.from({ length: numLayers }, () => new ViTLayer(config, random));
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
  }

  protected override forward(
    images: Tensor4D,
    { interpolatePositions: interpolate = false }: ViTCallOptions = {},
  ): Tensor3D {
    const { imageSize, numChannels } = this.#config;
    checkShape('ViTEncoder: images', images, [
      'batch',
      numChannels,
      ...(interpolate ? ['height', 'width'] : imageSize),
    ]);
    const classTokens = tile(this.classToken, [images.shape[0], 1, 1]); // [batch, 1, dim]
    const tokens = concat([classTokens, this.patches.call(images)], 1); // [batch, 1 + patches, dim]
    let x = this.dropout.call(add(tokens, this.#positionsFor(images))); // [batch, 1 + patches, dim]
    for (const layer of this.layers) {
      report('hiddenStates', () => x);
      x = layer.call(x); // [batch, 1 + patches, dim]
    }
    report('hiddenStates', () => x);
    return this.norm.call(x); // [batch, 1 + patches, dim]
  }

  /** The class token's position, and those of the patches, for the size that the images have. */
  #positionsFor(images: Tensor4D): Tensor3D {
    const { imageSize, patchSize } = this.#config;
    const from = gridOf(imageSize, patchSize);
    const to = gridOf([images.shape[2], images.shape[3]], patchSize);
    if (from.join() === to.join()) return this.positions;
    const [, tokens, dim] = this.positions.shape;
    const patches = interpolatePositions(slice(this.positions as Tensor3D, [0, 1, 0], [1, tokens - 1, dim]), {
      from,
      to,
    });
    return concat([slice(this.positions as Tensor3D, [0, 0, 0], [1, 1, dim]), patches], 1);
  }
}

function gridOf([height, width]: Size, [patchHeight, patchWidth]: Size): Size {
  return [Math.floor(height / patchHeight), Math.floor(width / patchWidth)];
}

/** The first token of each row, which stands for the whole image: [batch, tokens, dim] to [batch, dim]. */
export function classTokenOf(x: Tensor3D): Tensor2D {
  const [batch, , dim] = x.shape;
  return reshape(slice(x, [0, 0, 0], [batch, 1, dim]) as Tensor, [batch, dim]) as Tensor2D;
}

/** What {@link ViTModel} computes. */
export interface ViTOutput {
  /** [batch, 1 + patches, dim] */
  hidden: Tensor3D;
  /** [batch, poolerDim]: the class token through a layer of its own. */
  pooled: Tensor2D;
}

/** A Vision Transformer without a head: hidden states of all tokens, and the pooled class token. */
export class ViTModel extends PretrainedModel<[images: Tensor4D, options?: ViTCallOptions], ViTOutput, ViTConfig> {
  readonly config: ViTConfig;
  readonly format: typeof VIT_MODEL = VIT_MODEL;
  encoder: ViTEncoder;
  pooler: Linear<Tensor2D>;

  constructor(options: ViTOptions, init: InitOptions = {}) {
    super();
    this.config = vitConfig(options);
    const { dim, poolerDim, initStd } = this.config;
    this.encoder = new ViTEncoder(this.config, initStream(init, 'init'));
    this.pooler = new Linear({
      inDim: dim,
      outDim: poolerDim,
      init: normal(initStd),
      random: initStream(init, 'pooler-init'),
    });
  }

  protected override forward(images: Tensor4D, options?: ViTCallOptions): ViTOutput {
    const hidden = this.encoder.call(images, options); // [batch, 1 + patches, dim]
    return { hidden, pooled: applyActivation(this.pooler.call(classTokenOf(hidden)), this.config.poolerActivation) };
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<ViTModel> {
    return loadPretrained(location, {
      format: VIT_MODEL,
      create: (config, init) => new ViTModel(config, init),
      options,
    });
  }
}
