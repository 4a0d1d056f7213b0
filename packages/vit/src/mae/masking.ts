import { checkShape, randomKey, uniformValues } from '@formers/backend';
import { cast, greaterEqual, neg, slice, type Tensor2D, tensor2d, tidy, topk } from '@tensorflow/tfjs-core';

/** Which patches are hidden. */
export interface PatchMask {
  /** int32 [batch, kept], the patches that are seen, in order of their noise. */
  keptIds: Tensor2D;
  /** int32 [batch, patches]: where each patch stands among the seen and, after them, the hidden ones. */
  restoreIds: Tensor2D;
  /** [batch, patches], 1 = hidden. */
  mask: Tensor2D;
}

/**
 * Hides a share of the patches of each image, those with the most noise (He et al. 2022, section 3, "Simple implementation").
 *
 * @param noise [batch, patches]
 */
export function maskPatches(noise: Tensor2D, maskRatio: number): PatchMask {
  const [batch, patches] = noise.shape;
  const kept = Math.trunc(patches * (1 - maskRatio));
  return tidy(() => {
    const order = argSort(noise);
    const restoreIds = argSort(order);
    const mask: Tensor2D = cast(greaterEqual(restoreIds, kept), 'float32');
    return { keptIds: slice(order, [0, 0], [batch, kept]), restoreIds, mask };
  });
}

/** Where the noise of a masked autoencoder comes from. */
export interface NoiseOptions {
  /** [batch, patches]: patches with the most are hidden; default uniform from `seed`. */
  noise?: Tensor2D | undefined;
  /** Default 0. Give another one at each step of training. */
  seed?: number | undefined;
}

/** The noise that is given, or made from a seed: [batch, patches]. */
export function noiseFor([batch, patches]: [number, number], { noise, seed = 0 }: NoiseOptions): Tensor2D {
  if (noise) checkShape('ViTMAE: noise', noise, [batch, patches]);
  return noise ?? tensor2d(uniformValues(randomKey(seed, 'mae-noise'), batch * patches), [batch, patches]);
}

/** The places of the smallest, the second smallest, ... number of each row: int32 of the same shape. */
function argSort(x: Tensor2D): Tensor2D {
  return topk(neg(cast(x, 'float32')), x.shape[1]).indices;
}
