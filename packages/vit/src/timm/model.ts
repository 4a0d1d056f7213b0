import { checkShape, type RandomStream, report } from '@formers/backend';
import { Dropout, fanInUniform, type Initializer, LayerNorm, Module, normal, parameter } from '@formers/nn';
import { add, concat, type Rank, type Tensor3D, type Tensor4D, tile, type Variable } from '@tensorflow/tfjs-core';

import { PatchEmbedding } from '../patch-embedding.ts';
import { gridOf, numPatches } from '../size.ts';
import { positionsForGrid } from '../tokens.ts';
import { truncatedNormal } from '../truncated-normal.ts';
import { numPrefixTokens, type TimmViTConfig } from './config.ts';
import { TimmViTLayer } from './layer.ts';

/** PyTorch's own start of a convolution: uniform within ±1/√(pixels of a patch). */
const patchInit: Initializer = ([dim = 1, ...patch], random) =>
  fanInUniform([dim, patch.reduce((pixels, axis) => pixels * axis, 1)], random);

/** The encoder of timm's `VisionTransformer`: images [batch, channels, height, width] to features [batch, prefix + patches, dim]; class token and registers come first. */
export class TimmViTEncoder extends Module<[images: Tensor4D], Tensor3D> {
  patches: PatchEmbedding;
  /** [1, 1, dim] */
  readonly classToken: Variable<Rank.R3> | undefined;
  /** [1, registers, dim] */
  readonly registers: Variable<Rank.R3> | undefined;
  /** [1, patches, dim], or [1, prefix + patches, dim] */
  readonly positions: Variable<Rank.R3> | undefined;
  readonly dropout: Dropout<Tensor3D>;
  preNorm: LayerNorm<Tensor3D> | undefined;
  layers: TimmViTLayer[];
  norm: LayerNorm<Tensor3D> | undefined;
  readonly #config: TimmViTConfig;

  constructor(config: TimmViTConfig, random: RandomStream | null) {
    super();
    const { dim, patchSize, numChannels, numRegisters, numLayers, dropPath, normEpsilon: epsilon, preNorm } = config;
    const tokenInit = normal(1e-6);
    const count = numPatches(config) + (config.prefixPositions ? numPrefixTokens(config) : 0);
    this.#config = config;
    this.patches = new PatchEmbedding({ patchSize, numChannels, dim, bias: !preNorm, init: patchInit, random });
    this.classToken = config.classToken ? parameter<Rank.R3>([1, 1, dim], { init: tokenInit, random }) : undefined;
    this.registers =
      numRegisters > 0 ? parameter<Rank.R3>([1, numRegisters, dim], { init: tokenInit, random }) : undefined;
    this.positions = config.positions
      ? parameter<Rank.R3>([1, count, dim], { init: truncatedNormal(0.02), random })
      : undefined;
    this.dropout = new Dropout(config.positionDropout);
    this.preNorm = preNorm ? new LayerNorm({ dim, epsilon }) : undefined;
    this.layers = Array.from(
      { length: numLayers },
      (_, i) =>
        new TimmViTLayer(config, {
          dropPath: numLayers === 1 ? 0 : (dropPath * i) / (numLayers - 1),
          init: truncatedNormal(0.02),
          random,
        }),
    );
    this.norm = config.finalNorm && !config.normAfterPooling ? new LayerNorm({ dim, epsilon }) : undefined;
  }

  protected override forward(images: Tensor4D): Tensor3D {
    const { imageSize, numChannels, dynamicImageSize } = this.#config;
    checkShape('TimmViTEncoder: images', images, [
      'batch',
      numChannels,
      ...(dynamicImageSize ? ['height', 'width'] : imageSize),
    ]);
    const tokens = this.dropout.call(this.#withPositions(this.patches.call(images), images)); // [batch, prefix + patches, dim]
    let x: Tensor3D = this.preNorm?.call(tokens) ?? tokens; // [batch, prefix + patches, dim]
    for (const layer of this.layers) {
      report('hiddenStates', () => x);
      x = layer.call(x); // [batch, prefix + patches, dim]
    }
    report('hiddenStates', () => x);
    return this.norm?.call(x) ?? x; // [batch, prefix + patches, dim]
  }

  /** Class token, registers and patches, with the positions that there are. */
  #withPositions(patches: Tensor3D, images: Tensor4D): Tensor3D {
    const { imageSize, patchSize, prefixPositions } = this.#config;
    const [batch, , height, width] = images.shape;
    const prefix = [this.classToken, this.registers]
      .filter((token) => token !== undefined)
      .map((token) => tile(token as Tensor3D, [batch, 1, 1]));
    const withPrefix = (x: Tensor3D): Tensor3D => (prefix.length === 0 ? x : concat([...prefix, x], 1));
    if (!this.positions) return withPrefix(patches);
    const positions = positionsForGrid(this.positions, {
      numPrefixTokens: prefixPositions ? numPrefixTokens(this.#config) : 0,
      from: gridOf(imageSize, patchSize),
      to: gridOf([height, width], patchSize),
      antialias: true,
    });
    return prefixPositions ? add(withPrefix(patches), positions) : withPrefix(add(patches, positions));
  }
}
