import { reshape, slice, type Tensor, tidy } from '@tensorflow/tfjs-core';

/** Waits until a tensor is computed, by reading one number of it: an engine may go on computing after an operation has returned. */
export function waitFor(tensor: Tensor): void {
  tidy(() => slice(reshape(tensor, [-1]), [0], [1]).dataSync());
}

/** Waits until a tensor, and all that was asked of the GPU before it, is computed. */
export async function settle(tensor: Tensor): Promise<void> {
  const one = tidy(() => slice(reshape(tensor, [-1]), [0], [1]));
  await one.data();
  one.dispose();
}
