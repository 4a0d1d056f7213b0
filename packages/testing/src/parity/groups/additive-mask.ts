import { isFinite, type Tensor, tidy, where, zerosLike } from '@tensorflow/tfjs-core';

/** torch's additive masks hide by -Infinity; ours are a boolean mask and a finite bias. */
export function splitAdditive(additive: Tensor): { mask: Tensor; bias: Tensor } {
  return tidy(() => {
    const mask = isFinite(additive);
    return { mask, bias: where(mask, additive, zerosLike(additive)) };
  });
}
