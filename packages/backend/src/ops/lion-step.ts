import {
  greaterEqual,
  mul,
  type Scalar,
  sign,
  sub,
  type Tensor,
  tidy,
  type Variable,
  where,
} from '@tensorflow/tfjs-core';

import { hasKernel } from '../define-op.ts';
import { mix } from './mix.ts';
import { updateInPlace } from './update-in-place.ts';

/** What Lion keeps and needs for one parameter; all of one shape. */
export interface LionSlot {
  readonly parameter: Variable;
  readonly gradient: Tensor;
  /** Zeros at first. */
  readonly momentum: Variable;
  readonly weightDecay: number;
}

/** Numbers of one Lion step. */
export interface LionNumbers {
  readonly learningRate: number;
  /** Share of the momentum in the direction of the step. */
  readonly beta1: number;
  /** Decay of the momentum. */
  readonly beta2: number;
  /** Factor of all gradients, from `gradientScale`; negative = change nothing. */
  readonly gradientScale: Scalar;
}

/**
 * One Lion step on all parameters, in place (Chen et al. 2023, algorithm 2).
 *
 * Kernel `FormersLion`: inputs `parameter0, gradient0, momentum0, parameter1, ...` and `gradientScale`; attributes: the numbers, and `weightDecays`, one per parameter.
 */
export function lionStep(slots: readonly LionSlot[], numbers: LionNumbers): void {
  if (!hasKernel('FormersLion')) {
    for (const slot of slots) tidy(() => composition(slot, numbers));
    return;
  }
  const { gradientScale, ...rest } = numbers;
  updateInPlace('FormersLion', {
    slots: slots.map(({ parameter, gradient, momentum }) => ({ parameter, gradient, momentum })),
    shared: { gradientScale },
    attributes: { ...rest, weightDecays: slots.map(({ weightDecay }) => weightDecay) },
  });
}

function composition({ parameter, gradient, momentum, weightDecay }: LionSlot, numbers: LionNumbers): void {
  const { learningRate, beta1, beta2, gradientScale } = numbers;
  const apply = greaterEqual(gradientScale, 0);
  const g = mul(gradient, gradientScale);
  const direction = sign(mix(momentum, g, beta1));
  const next = sub(mul(parameter, 1 - learningRate * weightDecay), mul(direction, learningRate));
  parameter.assign(where(apply, next, parameter));
  momentum.assign(where(apply, mix(momentum, g, beta2), momentum));
}
