import { clone, mul, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';
import { nextDropoutKey } from '../dropout-scope.ts';
import { type RandomKey, uniformValues } from '../random.ts';

/**
 * Inside a `withDropout` scope: sets each value to zero with probability `rate` and scales the others by `1 / (1 - rate)` (Srivastava et al. 2014).
 * Outside of one: returns a second handle to `x`. Keeps the shape.
 */
export function dropout<T extends Tensor>(x: T, rate: number): T {
  const key = rate > 0 ? nextDropoutKey() : undefined;
  return key ? (dropoutOp({ x }, { rate, key }) as T) : clone(x);
}

/** The mask of {@link dropout} for a key: `1 / (1 - rate)` where a value stays, 0 where it goes; element i depends on the key and i alone. */
export function dropoutMask(shape: readonly number[], rate: number, key: RandomKey): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const keep = 1 / (1 - rate);
  return tensor(
    uniformValues(key, size).map((uniform) => (uniform >= rate ? keep : 0)),
    [...shape],
  );
}

type Inputs = {
  readonly x: Tensor;
};

/** `rate` in (0, 1); element i stays where `uniformValues(key)[i] >= rate`. The gradient needs the key alone. */
export const dropoutOp: Op<Inputs, { rate: number; key: RandomKey }, Tensor> = defineOp<
  Inputs,
  { rate: number; key: RandomKey },
  Tensor
>({
  name: 'FormersDropout',
  differentiable: ['x'],
  saves: [],
  savesOutput: false,
  composition: ({ x }, { rate, key }) => tidy(() => mul(x, dropoutMask(x.shape, rate, key))),
});
