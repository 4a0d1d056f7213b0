import { type Tensor, type Tensor2D, type Tensor4D, cast, reshape, tidy } from '@tensorflow/tfjs-core';

/**
 * The boolean mask that hides padding from every query.
 *
 * @param attentionMask [batch, keys], 1 (or true) = token, 0 = padding
 * @returns bool [batch, 1, 1, keys], true = may attend
 */
export function paddingMask(attentionMask: Tensor2D): Tensor4D {
  const [batch, keys] = attentionMask.shape;
  return tidy(() => reshape(cast(attentionMask as Tensor, 'bool'), [batch, 1, 1, keys]) as Tensor4D);
}
