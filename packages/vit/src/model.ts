import { applyActivation, checkShape, type RandomStream, report } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  Dropout,
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
  zeros,
} from '@formers/nn';
import {
  add,
  cast,
  concat,
  mul,
  type Rank,
  reshape,
  sub,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tile,
  type Variable,
} from '@tensorflow/tfjs-core';

import { type ViTConfig, vitConfig, type ViTOptions } from './config.ts';
import { VIT_MODEL } from './hf.ts';
import { ViTLayer } from './layer.ts';
import { PatchEmbedding } from './patch-embedding.ts';
import { gridOf, numPatches } from './size.ts';
import { positionsForGrid, tokenOf } from './tokens.ts';
import { truncatedNormal } from './truncated-normal.ts';

/** What a ViT may be told besides the images. */
export interface ViTCallOptions {
  /** Whether images of another size than the config's are taken, with interpolated positions; default false. */
  interpolatePositions?: boolean | undefined;
}

/** What an encoder with a mask token may be told besides. */
export interface MaskedCallOptions extends ViTCallOptions {
  /** [batch, patches], 1 (or true) where the mask token stands for the patch. */
  mask?: Tensor2D | undefined;
}

/** Options of {@link ViTEncoder}. */
export interface ViTEncoderOptions {
  /** Whether there is a token that stands for hidden patches; default false. */
  maskToken?: boolean | undefined;
  random: RandomStream | null;
}

/** The encoder of the Vision Transformer (Dosovitskiy et al. 2021): images [batch, channels, height, width] to hidden states [batch, 1 + patches, dim]. */
export class ViTEncoder extends Module<[images: Tensor4D, options?: MaskedCallOptions], Tensor3D> {
  patches: PatchEmbedding;
  /** [1, 1, dim], the token that stands for the whole image. */
  readonly classToken: Variable<Rank.R3>;
  /** [1, 1, dim] */
  readonly maskToken: Variable<Rank.R3> | undefined;
  /** [1, 1 + patches, dim] */
  readonly positions: Variable<Rank.R3>;
  readonly dropout: Dropout<Tensor3D>;
  layers: ViTLayer[];
  norm: LayerNorm<Tensor3D>;
  readonly #config: ViTConfig;
  readonly #numPrefixTokens: number;

  constructor(
    config: ViTConfig,
    { maskToken = false, numPrefixTokens = 1, random }: ViTEncoderOptions & { numPrefixTokens?: number },
  ) {
    super();
    const { dim, numLayers, patchSize, numChannels, dropout, normEpsilon, initStd } = config;
    const [init, tokenInit] = [normal(initStd), truncatedNormal(initStd)];
    this.#config = config;
    this.#numPrefixTokens = numPrefixTokens;
    this.patches = new PatchEmbedding({ patchSize, numChannels, dim, init, random });
    this.classToken = parameter<Rank.R3>([1, 1, dim], { init: tokenInit, random });
    this.maskToken = maskToken ? parameter<Rank.R3>([1, 1, dim], { init: zeros, random }) : undefined;
    this.positions = parameter<Rank.R3>([1, numPrefixTokens + numPatches(config), dim], { init: tokenInit, random });
    this.dropout = new Dropout(dropout);
    this.layers = Array.from({ length: numLayers }, () => new ViTLayer({ ...config, init, random }));
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
  }

  /** What stands before the patches, each [1, 1, dim]; for subclasses that add to it. */
  protected prefixTokens(): Tensor3D[] {
    return [this.classToken];
  }

  protected override forward(
    images: Tensor4D,
    { interpolatePositions = false, mask }: MaskedCallOptions = {},
  ): Tensor3D {
    const { imageSize, patchSize, numChannels } = this.#config;
    const [batch, , height, width] = images.shape;
    checkShape('ViTEncoder: images', images, [
      'batch',
      numChannels,
      ...(interpolatePositions ? ['height', 'width'] : imageSize),
    ]);
    const patches = this.#hide(this.patches.call(images), mask); // [batch, patches, dim]
    const tokens = concat([...this.prefixTokens().map((token) => tile(token, [batch, 1, 1])), patches], 1); // [batch, 1 + patches, dim]
    const positions = positionsForGrid(this.positions, {
      numPrefixTokens: this.#numPrefixTokens,
      from: gridOf(imageSize, patchSize),
      to: gridOf([height, width], patchSize),
    });
    let x: Tensor3D = this.dropout.call(add(tokens, positions)); // [batch, 1 + patches, dim]
    for (const layer of this.layers) {
      report('hiddenStates', () => x);
      x = layer.call(x); // [batch, 1 + patches, dim]
    }
    report('hiddenStates', () => x);
    return this.norm.call(x); // [batch, 1 + patches, dim]
  }

  /** The mask token in place of the patches that are hidden. */
  #hide(patches: Tensor3D, mask: Tensor2D | undefined): Tensor3D {
    if (!mask || !this.maskToken) return patches;
    const [batch, count] = patches.shape;
    checkShape('ViTEncoder: mask', mask, [batch, count]);
    const isHidden = reshape(cast(mask as Tensor, 'float32'), [batch, count, 1]);
    return add(mul(patches, sub(1, isHidden)), mul(this.maskToken, isHidden)); // [batch, patches, dim]
  }
}

/** Which parts a bare model has that others lack. */
export interface ViTParts {
  /** Whether the class token goes through a layer of its own; default true. */
  pooler?: boolean;
  /** Whether there is a token that stands for hidden patches; default false. */
  maskToken?: boolean;
}

/** What {@link ViTModel} computes. */
export interface ViTOutput {
  /** [batch, 1 + patches, dim] */
  hidden: Tensor3D;
  /** [batch, poolerDim]: the class token through a layer of its own; undefined where there is no pooler. */
  pooled: Tensor2D | undefined;
}

/** A Vision Transformer without a head: hidden states of all tokens, and the pooled class token. */
export class ViTModel extends PretrainedModel<[images: Tensor4D, options?: MaskedCallOptions], ViTOutput, ViTConfig> {
  readonly config: ViTConfig;
  readonly format: typeof VIT_MODEL = VIT_MODEL;
  encoder: ViTEncoder;
  pooler: Linear<Tensor2D> | undefined;

  constructor(options: ViTOptions, { pooler = true, maskToken, ...init }: InitOptions & ViTParts = {}) {
    super();
    this.config = vitConfig(options);
    this.encoder = new ViTEncoder(this.config, { maskToken, random: initStream(init, 'init') });
    this.pooler = pooler ? createPooler(this.config, init) : undefined;
  }

  protected override forward(images: Tensor4D, options?: MaskedCallOptions): ViTOutput {
    const hidden = this.encoder.call(images, options); // [batch, 1 + patches, dim]
    return { hidden, pooled: this.pooler && pool(hidden, { pooler: this.pooler, config: this.config }) };
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    { pooler, maskToken, ...options }: PretrainedOptions & ViTParts = {},
  ): Promise<ViTModel> {
    return loadPretrained(location, {
      format: VIT_MODEL,
      create: (config, init) =>
        new ViTModel(config, { ...init, ...(pooler !== undefined && { pooler }), ...(maskToken && { maskToken }) }),
      options,
    });
  }
}

/** The layer that the class token goes through. */
export function createPooler({ dim, poolerDim, initStd }: ViTConfig, init: InitOptions): Linear<Tensor2D> {
  return new Linear({ inDim: dim, outDim: poolerDim, init: normal(initStd), random: initStream(init, 'pooler-init') });
}

/** The class token through the pooler: [batch, poolerDim]. */
export function pool(hidden: Tensor3D, { pooler, config }: { pooler: Linear<Tensor2D>; config: ViTConfig }): Tensor2D {
  return applyActivation(pooler.call(tokenOf(hidden)), config.poolerActivation);
}
