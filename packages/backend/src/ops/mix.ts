import { add, mul, type Tensor } from '@tensorflow/tfjs-core';

/** `beta · a + (1 - beta) · b` */
export function mix(a: Tensor, b: Tensor, beta: number): Tensor {
  return add(mul(a, beta), mul(b, 1 - beta));
}
