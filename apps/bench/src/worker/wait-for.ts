import { reshape, slice, type Tensor, tidy } from '@tensorflow/tfjs-core';

/** Waits until a tensor is computed, by reading one number of it: an engine may go on computing after an operation has returned. */
export function waitFor(tensor: Tensor): void {
  tidy(() => slice(reshape(tensor, [-1]), [0], [1]).dataSync());
}
