import { checkShape, type RandomStream, report } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  type InitOptions,
  type Initializer,
  initStream,
  LayerNorm,
  loadPretrained,
  Module,
  normal,
  parameter,
  PretrainedModel,
  type PretrainedOptions,
  xavierUniform,
} from '@formers/nn';
import {
  add,
  concat,
  type Rank,
  slice,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tile,
  type Variable,
} from '@tensorflow/tfjs-core';

import { ViTLayer } from '../layer.ts';
import type { ViTCallOptions } from '../model.ts';
import { PatchEmbedding } from '../patch-embedding.ts';
import { gridOf } from '../size.ts';
import { gatherTokens, positionsForGrid, tokensFrom } from '../tokens.ts';
import { type ViTMAEConfig, vitMAEConfig, type ViTMAEOptions } from './config.ts';
import { fixedPositions } from './fixed-positions.ts';
import { VIT_MAE_MODEL } from './hf.ts';
import { maskPatches, type NoiseOptions, noiseFor } from './masking.ts';

/** What a masked autoencoder may be told besides the images. */
export type ViTMAECallOptions = ViTCallOptions & NoiseOptions;

/** What {@link ViTMAEModel} computes. */
export interface ViTMAEOutput {
  /** [batch, 1 + seen patches, dim] */
  hidden: Tensor3D;
  /** [batch, patches], 1 = hidden. */
  mask: Tensor2D;
  /** int32 [batch, patches]: where each patch stands among the seen and, after them, the hidden ones. */
  restoreIds: Tensor2D;
}

/** A patch as a row of pixels, and Xavier's bounds for that (He et al. 2022, section A.1). */
const patchInit: Initializer = ([dim = 1, ...patch], random) =>
  xavierUniform([dim, patch.reduce((pixels, axis) => pixels * axis, 1)], random);

/** The encoder of the masked autoencoder (He et al. 2022): a ViT that sees only the patches that aren't hidden. */
export class ViTMAEEncoder extends Module<[images: Tensor4D, options?: ViTMAECallOptions], ViTMAEOutput> {
  patches: PatchEmbedding;
  /** [1, 1, dim] */
  readonly classToken: Variable<Rank.R3>;
  /** [1, 1 + patches, dim]; not trained. */
  readonly positions: Variable<Rank.R3>;
  layers: ViTLayer[];
  norm: LayerNorm<Tensor3D>;
  readonly #config: ViTMAEConfig;

  constructor(config: ViTMAEConfig, random: RandomStream | null) {
    super();
    const { dim, numLayers, imageSize, patchSize, numChannels, normEpsilon, initStd } = config;
    this.#config = config;
    this.patches = new PatchEmbedding({ patchSize, numChannels, dim, init: patchInit, random });
    this.classToken = parameter<Rank.R3>([1, 1, dim], { init: normal(initStd), random });
    this.positions = fixedPositions({ dim, grid: gridOf(imageSize, patchSize) });
    this.layers = Array.from({ length: numLayers }, () => new ViTLayer({ ...config, init: xavierUniform, random }));
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
  }

  protected override forward(
    images: Tensor4D,
    { interpolatePositions = false, ...noiseOptions }: ViTMAECallOptions = {},
  ): ViTMAEOutput {
    const { imageSize, patchSize, numChannels, maskRatio } = this.#config;
    const [batch, , height, width] = images.shape;
    checkShape('ViTMAEEncoder: images', images, [
      'batch',
      numChannels,
      ...(interpolatePositions ? ['height', 'width'] : imageSize),
    ]);
    const positions = positionsForGrid(this.positions, {
      numPrefixTokens: 1,
      from: gridOf(imageSize, patchSize),
      to: gridOf([height, width], patchSize),
    });
    const patches: Tensor3D = add(this.patches.call(images), tokensFrom(positions, 1)); // [batch, patches, dim]
    const noise = noiseFor([batch, patches.shape[1]], noiseOptions);
    const { keptIds, restoreIds, mask } = maskPatches(noise, maskRatio);
    const classToken = add(this.classToken, slice(positions, [0, 0, 0], [1, 1, -1]));
    let x: Tensor3D = concat([tile(classToken, [batch, 1, 1]) as Tensor3D, gatherTokens(patches, keptIds)], 1); // [batch, 1 + seen, dim]
    for (const layer of this.layers) {
      report('hiddenStates', () => x);
      x = layer.call(x); // [batch, 1 + seen, dim]
    }
    report('hiddenStates', () => x);
    return { hidden: this.norm.call(x), mask, restoreIds };
  }
}

/** A masked autoencoder without its decoder: hidden states of the patches that are seen. */
export class ViTMAEModel extends PretrainedModel<
  [images: Tensor4D, options?: ViTMAECallOptions],
  ViTMAEOutput,
  ViTMAEConfig
> {
  readonly config: ViTMAEConfig;
  readonly format: typeof VIT_MAE_MODEL = VIT_MAE_MODEL;
  encoder: ViTMAEEncoder;

  constructor(options: ViTMAEOptions, init: InitOptions = {}) {
    super();
    this.config = vitMAEConfig(options);
    this.encoder = new ViTMAEEncoder(this.config, initStream(init, 'init'));
  }

  protected override forward(images: Tensor4D, options?: ViTMAECallOptions): ViTMAEOutput {
    return this.encoder.call(images, options);
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<ViTMAEModel> {
    return loadPretrained(location, {
      format: VIT_MAE_MODEL,
      create: (config, init) => new ViTMAEModel(config, init),
      options,
    });
  }
}
