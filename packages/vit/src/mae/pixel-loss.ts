import { checkShape } from '@formers/backend';
import {
  add,
  div,
  mean,
  mul,
  reshape,
  type Scalar,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';

import { patchify } from '../patch-embedding.ts';
import type { Size } from '../size.ts';

/** What {@link maskedPixelLoss} is told. */
export interface MaskedPixelLossOptions {
  /** [batch, channels, height, width] */
  images: Tensor4D;
  /** [batch, patches], 1 = hidden. */
  mask: Tensor2D;
  patchSize: Size;
  /** Whether each patch's pixels are brought to mean 0 and variance 1 first (He et al. 2022, section 3, "Reconstruction target"). */
  normPixLoss: boolean;
}

/**
 * The mean squared error of the pixels of hidden patches (He et al. 2022, section 3).
 *
 * @param logits [batch, patches, patchHeight · patchWidth · channels]
 */
export function maskedPixelLoss(
  logits: Tensor3D,
  { images, mask, patchSize, normPixLoss }: MaskedPixelLossOptions,
): Scalar {
  return tidy(() => {
    const pixels = channelsLast(patchify(images, patchSize), images.shape[1]); // [batch, patches, pixels]
    checkShape('maskedPixelLoss: logits', logits, pixels.shape);
    const target = normPixLoss ? normalized(pixels) : pixels;
    const errors = mean(square(sub(logits, target)), 2); // [batch, patches]
    return div(sum(mul(errors, mask)), sum(mask)) as Scalar;
  });
}

/** Pixels of patches with the channels of each pixel together: [batch, patches, channels · pixels] to [batch, patches, pixels · channels]. */
export function channelsLast(patches: Tensor3D, numChannels: number): Tensor3D {
  const [batch, count, size] = patches.shape;
  const cut = reshape(patches as Tensor, [batch, count, numChannels, size / numChannels]);
  return reshape(transpose(cut, [0, 1, 3, 2]), [batch, count, size]) as Tensor3D;
}

/** The inverse of {@link channelsLast}. */
export function channelsFirst(patches: Tensor3D, numChannels: number): Tensor3D {
  const [batch, count, size] = patches.shape;
  const cut = reshape(patches as Tensor, [batch, count, size / numChannels, numChannels]);
  return reshape(transpose(cut, [0, 1, 3, 2]), [batch, count, size]) as Tensor3D;
}

/** Each patch with mean 0 and variance 1, by Bessel's correction as in PyTorch. */
function normalized(patches: Tensor3D): Tensor3D {
  const centred = sub(patches, mean(patches, 2, true));
  const variance = div(sum(square(centred), 2, true), patches.shape[2] - 1);
  return div(centred, sqrt(add(variance, 1e-6)));
}
