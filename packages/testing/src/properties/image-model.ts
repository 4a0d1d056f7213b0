import type { MultiHeadAttention } from '@formers/attention';
import { capture, crossEntropy } from '@formers/backend';
import type { AnyModule, PretrainedModel } from '@formers/nn';
import {
  dispose,
  gather,
  reshape,
  type Scalar,
  type Tensor,
  tensor1d,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
  transpose,
  type Variable,
} from '@tensorflow/tfjs-core';

import { randomTensor } from '../random-tensor.ts';

/** A classifier of images that cuts them into patches, with a class token before them. */
export type ImageModel = PretrainedModel<
  [images: Tensor4D, options?: { interpolatePositions?: boolean | undefined }],
  Tensor,
  {
    imageSize: readonly [height: number, width: number];
    patchSize: readonly [height: number, width: number];
    numChannels: number;
    labels: string[];
  }
>;

/** How a test's model may differ from the smallest one. */
export interface ImageModelOptions {
  seed: number;
  dropout?: number;
  numLayers?: number;
  /** Standard deviation of the first weights; default the architecture's. Larger ones make every part of the model show. */
  initStd?: number;
}

/** What the property suite has to know of an architecture. */
export interface ImageModelSubject<Model extends ImageModel = ImageModel> {
  readonly name: string;
  /** A model of milliseconds, with 10 labels, at least 2 layers, 2 heads and 6 patches that fill the image. */
  readonly create: (options: ImageModelOptions) => Model;
  readonly load: (files: Map<string, Uint8Array>) => Promise<Model>;
  /** How many tokens stand before the patches, the class token first; default 1. */
  readonly numPrefixTokens?: number;
  /** Whether a call may be told to interpolate positions; default true. */
  readonly interpolates?: boolean;
  /** [1, prefix + patches, dim] */
  readonly positions: (model: Model) => Variable;
  readonly layers: (model: Model) => readonly AnyModule[];
  /** The attention of each layer; left out where queries, keys and values are one matrix. */
  readonly attentions?: (model: Model) => readonly MultiHeadAttention[];
  /** The weights and biases of what is added to the residual stream. */
  readonly residualOutputs: (model: Model) => readonly Variable[];
}

/** Random images of the size that a model takes. */
export function imagesFor({ config }: ImageModel, { batch = 2, seed = 0 } = {}): Tensor4D {
  return randomTensor<Tensor4D>([batch, config.numChannels, ...config.imageSize], { seed });
}

/** Ten random images, each of a class of its own. */
export function tenImages(model: ImageModel, seed = 0): { images: Tensor4D; labels: Tensor1D } {
  const labels = Int32Array.from({ length: 10 }, (_, i) => (7 * i + 3) % 10);
  return { images: imagesFor(model, { batch: 10, seed }), labels: tensor1d(labels, 'int32') };
}

/** The logits of a model: [batch, labels]. */
export function logitsOf(model: ImageModel, images: Tensor4D, options?: { interpolatePositions: boolean }): Tensor2D {
  return model.call(images, options) as Tensor2D;
}

/** The mean cross-entropy of a model's logits. */
export function lossOf(model: ImageModel, { images, labels }: { images: Tensor4D; labels: Tensor1D }): Scalar {
  return tidy(() => crossEntropy(logitsOf(model, images), labels));
}

/** The hidden states after the last layer: [batch, prefix + patches, dim]. */
export function lastHiddenStateOf(model: ImageModel, images: Tensor4D): Tensor3D {
  const { value, hiddenStates } = capture(() => model.call(images), ['hiddenStates']);
  const last = hiddenStates.pop() as Tensor3D;
  dispose([value, ...hiddenStates]);
  return last;
}

/** How many patches there are in an image of a model's size. */
export function patchesOf({ config: { imageSize, patchSize } }: ImageModel): number {
  return (imageSize[0] / patchSize[0]) * (imageSize[1] / patchSize[1]);
}

/** The patches of images, row by row: [batch, channels, height, width] to [batch, patches, pixels]. */
export function cutPatches(images: Tensor4D, [patchHeight, patchWidth]: readonly [number, number]): Tensor3D {
  const [batch, channels, height, width] = images.shape;
  const [rows, columns] = [height / patchHeight, width / patchWidth];
  const cut = reshape(images as Tensor, [batch, channels, rows, patchHeight, columns, patchWidth]);
  return reshape(transpose(cut, [0, 2, 4, 1, 3, 5]), [batch, rows * columns, -1]) as Tensor3D;
}

/** Images whose patch j is the patch `order[j]` of the given ones. */
export function permutePatches(
  images: Tensor4D,
  { order, patchSize }: { order: readonly number[]; patchSize: readonly [number, number] },
): Tensor4D {
  const [batch, channels, height, width] = images.shape;
  const [rows, columns] = [height / patchSize[0], width / patchSize[1]];
  return tidy(() => {
    const permuted = gather(cutPatches(images, patchSize), [...order], 1); // [batch, patches, pixels]
    const grid = reshape(permuted as Tensor, [batch, rows, columns, channels, ...patchSize]);
    return reshape(transpose(grid, [0, 3, 1, 4, 2, 5]), images.shape) as Tensor4D;
  });
}
