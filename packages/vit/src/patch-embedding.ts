import { checkShape, linear, type RandomStream } from '@formers/backend';
import { type Initializer, Module, normal, parameter, zeros } from '@formers/nn';
import {
  type Rank,
  reshape,
  slice,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
  transpose,
  type Variable,
} from '@tensorflow/tfjs-core';

import { gridOf, type Size } from './size.ts';

/** Options of {@link PatchEmbedding}. */
export interface PatchEmbeddingConfig {
  patchSize: Size;
  numChannels: number;
  dim: number;
  /** Default true. */
  bias?: boolean;
  /** Default normal with standard deviation 0.02. */
  init?: Initializer;
  random: RandomStream | null;
}

/**
 * Cuts images into patches and maps each to a vector (Dosovitskiy et al. 2021, equation 1): [batch, channels, height, width] to [batch, patches, dim],
 * row by row. The same numbers as a convolution whose stride is its kernel size.
 */
export class PatchEmbedding extends Module<[images: Tensor4D], Tensor3D> {
  /** [dim, channels, patchHeight, patchWidth], as PyTorch stores a convolution. */
  readonly weight: Variable<Rank.R4>;
  /** [dim] */
  readonly bias: Variable<Rank.R1> | undefined;

  constructor({
    patchSize: [height, width],
    numChannels,
    dim,
    bias = true,
    init = normal(0.02),
    random,
  }: PatchEmbeddingConfig) {
    super();
    this.weight = parameter<Rank.R4>([dim, numChannels, height, width], { init, random });
    this.bias = bias ? parameter<Rank.R1>([dim], { init: zeros, random }) : undefined;
  }

  protected override forward(images: Tensor4D): Tensor3D {
    const [dim, channels, patchHeight, patchWidth] = this.weight.shape;
    checkShape('PatchEmbedding: images', images, ['batch', channels, 'height', 'width']);
    const patches = patchify(images, [patchHeight, patchWidth]); // [batch, patches, channels * patchHeight * patchWidth]
    return linear(patches, reshape(this.weight as Tensor, [dim, -1]) as Tensor2D, { bias: this.bias }); // [batch, patches, dim]
  }
}

/**
 * The pixels of each patch in a row, patches row by row: [batch, channels, height, width] to [batch, patches, channels · patchHeight · patchWidth].
 * What doesn't fill a patch at the right and at the bottom is left out.
 */
export function patchify(images: Tensor4D, [patchHeight, patchWidth]: Size): Tensor3D {
  const [batch, channels, height, width] = images.shape;
  const [rows, columns] = gridOf([height, width], [patchHeight, patchWidth]);
  return tidy(() => {
    const filled = slice(images, [0, 0, 0, 0], [batch, channels, rows * patchHeight, columns * patchWidth]);
    const cut = reshape(filled as Tensor, [batch, channels, rows, patchHeight, columns, patchWidth]);
    const ordered = transpose(cut, [0, 2, 4, 1, 3, 5]); // [batch, rows, columns, channels, patchHeight, patchWidth]
    return reshape(ordered, [batch, rows * columns, channels * patchHeight * patchWidth]) as Tensor3D;
  });
}

/**
 * Images out of the pixels of their patches, the inverse of {@link patchify}: [batch, patches, channels · patchHeight · patchWidth] to
 * [batch, channels, rows · patchHeight, columns · patchWidth].
 */
export function unpatchify(
  patches: Tensor3D,
  { grid: [rows, columns], patchSize: [patchHeight, patchWidth] }: { grid: Size; patchSize: Size },
): Tensor4D {
  const [batch, , pixels] = patches.shape;
  const channels = Math.floor(pixels / (patchHeight * patchWidth));
  checkShape('unpatchify: patches', patches, ['batch', rows * columns, channels * patchHeight * patchWidth]);
  return tidy(() => {
    const cut = reshape(patches as Tensor, [batch, rows, columns, channels, patchHeight, patchWidth]);
    const ordered = transpose(cut, [0, 3, 1, 4, 2, 5]); // [batch, channels, rows, patchHeight, columns, patchWidth]
    return reshape(ordered, [batch, channels, rows * patchHeight, columns * patchWidth]) as Tensor4D;
  });
}
