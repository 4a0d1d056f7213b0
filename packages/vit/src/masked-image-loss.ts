import { checkShape, ConfigError } from '@formers/backend';
import {
  abs,
  add,
  cast,
  div,
  mul,
  type Scalar,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

import { patchify } from './patch-embedding.ts';
import type { Size } from './size.ts';

/**
 * How far reconstructed pixels are from the real ones where patches were hidden: the mean of `|x - y|` over their pixels (Xie et al. 2022, SimMIM, equation 1),
 * with 1e-5 added to their number as Hugging Face does.
 *
 * @param reconstruction [batch, channels, height, width]
 * @param options.images [batch, channels, height, width]
 * @param options.mask [batch, patches], 1 (or true) = was hidden
 */
export function maskedImageLoss(
  reconstruction: Tensor4D,
  { images, mask, patchSize }: { images: Tensor4D; mask: Tensor2D; patchSize: Size },
): Scalar {
  return tidy(() => {
    const [found, wanted] = [patchify(reconstruction, patchSize), patchify(images, patchSize)]; // each [batch, patches, pixels]
    checkShape('maskedImageLoss: reconstruction in patches', found, wanted.shape);
    checkShape('maskedImageLoss: mask', mask, [wanted.shape[0], wanted.shape[1]]);
    const hidden = cast(mask as Tensor, 'float32'); // [batch, patches]
    const numChannels = images.shape[1];
    const pixels = patchSize[0] * patchSize[1];
    const total = sum(mul(sum(abs(sub(found, wanted)), 2), hidden));
    return div(total, mul(add(mul(sum(hidden), pixels), 1e-5), numChannels)) as Scalar;
  });
}

/** @throws {@link ConfigError} where patches and what is made of them differ in size. */
export function checkStride(
  name: string,
  { patchSize, encoderStride }: { patchSize: Size; encoderStride: number },
): void {
  if (patchSize.some((side) => side !== encoderStride))
    throw new ConfigError(
      `${name}: encoderStride must be the size of a patch where patches are hidden, got ${encoderStride} and [${patchSize.join(', ')}]`,
    );
}
