import {
  concat1d,
  greaterEqual,
  minimum,
  mul,
  reshape,
  scalar,
  type Scalar,
  slice1d,
  stack,
  type Tensor,
  type Tensor1D,
  tidy,
  where,
} from '@tensorflow/tfjs-core';

import { hasKernel } from '../define-op.ts';
import { withoutTape } from '../tape.ts';
import { tfjsEngine } from '../tfjs-engine.ts';
import { globalNorm, gradientScale as scaleOf } from './optimizer-steps.ts';

/** What {@link stepValues} starts from, besides the gradients. */
export interface StepValuesOptions {
  /** Of each micro-batch. */
  readonly losses: readonly Scalar[];
  /** Factor that makes means of the summed gradients. */
  readonly share: number;
  /** Largest norm allowed; undefined = no clipping. */
  readonly clipNorm?: number | undefined;
  /** `values` of the step before, if this one may change something only where that one did. */
  readonly previous?: Tensor1D | undefined;
}

/** What a step of an optimizer knows before its update; stays on the device. */
export interface StepValues {
  /** [norm of the gradients times share, scale, losses]; the scale is that of `gradientScale`, -1 also where a loss isn't finite or the step before wasn't. */
  readonly values: Tensor1D;
  /** What the optimizer steps take: the scale times share, negative = change nothing. */
  readonly gradientScale: Scalar;
}

/**
 * Norm, clipping and finiteness of a step's gradients, and its losses, in one tensor to be read later.
 *
 * Kernel `FormersStepValues`: inputs `gradient0, gradient1, ..., loss0, ..., previous?`, attributes `share` and `clipNorm`; outputs `values` and `gradientScale`.
 */
export function stepValues(
  gradients: readonly Tensor[],
  { losses, share, clipNorm, previous }: StepValuesOptions,
): StepValues {
  if (hasKernel('FormersStepValues')) {
    const numbered = (name: string, tensors: readonly Tensor[]) =>
      tensors.map((tensor, i): [string, Tensor] => [`${name}${i}`, tensor]);
    const inputs = Object.fromEntries([
      ...numbered('gradient', gradients),
      ...numbered('loss', losses),
      ...(previous ? [['previous', previous] as const] : []),
    ]);
    const run = () => tfjsEngine().runKernel('FormersStepValues', inputs, { share, clipNorm });
    const [values, gradientScale] = withoutTape(run) as unknown as [Tensor1D, Scalar];
    return { values, gradientScale };
  }
  const result = tidy(() => {
    const norm: Scalar = mul(globalNorm(gradients), share);
    const stacked = stack([...losses]) as Tensor1D; // [micro-batches]
    let scale: Scalar = minimum(scaleOf(norm, clipNorm), scaleOf(globalNorm([stacked])));
    if (previous) scale = where(greaterEqual(reshape(slice1d(previous, 1, 1), []), 0), scale, scalar(-1));
    return [concat1d([stack([norm, scale]) as Tensor1D, stacked]), mul(scale, share)];
  });
  const [values, gradientScale] = result as [Tensor1D, Scalar];
  return { values, gradientScale };
}
