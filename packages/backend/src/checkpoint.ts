import { type Tensor, tidy } from '@tensorflow/tfjs-core';

import { withoutReports } from './capture.ts';
import { replayDropout } from './dropout-scope.ts';
import { alias, isGradientWanted, isTapeOn, ownResult, recordOperation, vjp, withoutTape } from './tape.ts';

/**
 * Gradient checkpointing (Chen et al. 2016): `f()` without keeping its activations; the reverse pass computes them again, with the same dropout
 * masks, and reports nothing to a capture scope a second time. By then the scope that made `xs` may have ended: `f` reads them by operations,
 * not by methods of the tensor.
 *
 * @param xs All tensors and variables that `f` reads and that need a gradient.
 */
export function checkpoint<T extends Tensor>(f: () => T, xs: readonly Tensor[]): T {
  if (!isTapeOn()) return f();
  const replay = replayDropout();
  const value = withoutTape(() => tidy(() => ownResult(f(), xs)));
  recordOperation({
    kernelName: 'checkpoint',
    inputs: Object.fromEntries(xs.map((x, i) => [i, x])),
    outputs: [value],
    saved: xs.map(alias), // f reads xs again in the reverse pass: they have to live until then
    gradient: ([dy]) => {
      const wanted = Object.keys(xs).filter(isGradientWanted);
      const gradients = replay(() =>
        withoutReports(() =>
          vjp(
            f,
            wanted.map((i) => xs[Number(i)] as Tensor),
            dy as Tensor,
          ),
        ),
      );
      return Object.fromEntries(wanted.map((name, i) => [name, () => gradients[i] as Tensor]));
    },
  });
  return value;
}
