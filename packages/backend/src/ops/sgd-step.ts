import {
  add,
  greaterEqual,
  mul,
  type Scalar,
  sub,
  type Tensor,
  tidy,
  type Variable,
  where,
} from '@tensorflow/tfjs-core';

import { hasKernel } from '../define-op.ts';
import { updateInPlace } from './update-in-place.ts';

/** What SGD keeps and needs for one parameter; all of one shape. */
export interface SGDSlot {
  readonly parameter: Variable;
  readonly gradient: Tensor;
  /** The momentum buffer, zeros at first; needed when the momentum isn't 0. */
  readonly momentumBuffer?: Variable | undefined;
  readonly weightDecay: number;
}

/** Numbers of one SGD step. */
export interface SGDNumbers {
  readonly learningRate: number;
  /** Share of the buffer that is kept; default 0. */
  readonly momentum?: number;
  /** Share of the gradient that the buffer leaves out, from the second step on; default 0. */
  readonly dampening?: number;
  /** Goes along gradient and buffer together (Sutskever et al. 2013, section 2); default false. */
  readonly nesterov?: boolean;
  /** Counts from 1. */
  readonly step: number;
  /** Factor of all gradients, from `gradientScale`; negative = change nothing. */
  readonly gradientScale: Scalar;
}

/**
 * One step of gradient descent on all parameters, in place, with weight decay as a part of the gradient, as `torch.optim.SGD` computes it.
 *
 * Kernel `FormersSGD`: inputs `parameter0, gradient0, momentumBuffer0, parameter1, ...` (buffers where there are) and `gradientScale`; attributes: the
 * numbers, and `weightDecays`, one per parameter.
 */
export function sgdStep(slots: readonly SGDSlot[], numbers: SGDNumbers): void {
  const { gradientScale, ...rest } = numbers;
  if (!hasKernel('FormersSGD')) {
    for (const slot of slots) tidy(() => composition(slot, numbers));
    return;
  }
  updateInPlace('FormersSGD', {
    slots: slots.map(({ parameter, gradient, momentumBuffer }) => ({ parameter, gradient, momentumBuffer })),
    shared: { gradientScale },
    attributes: { ...withDefaults(rest), weightDecays: slots.map(({ weightDecay }) => weightDecay) },
  });
}

function withDefaults<T extends Omit<SGDNumbers, 'gradientScale'>>({
  momentum = 0,
  dampening = 0,
  nesterov = false,
  ...numbers
}: T): { momentum: number; dampening: number; nesterov: boolean } & Pick<T, 'learningRate' | 'step'> {
  return { momentum, nesterov, ...numbers, dampening: numbers.step === 1 ? 0 : dampening };
}

function composition({ parameter, gradient, momentumBuffer, weightDecay }: SGDSlot, numbers: SGDNumbers): void {
  const { learningRate, momentum, dampening, nesterov } = withDefaults(numbers);
  const apply = greaterEqual(numbers.gradientScale, 0);
  let direction: Tensor = mul(gradient, numbers.gradientScale);
  if (weightDecay > 0) direction = add(direction, mul(parameter, weightDecay));
  if (momentumBuffer) {
    const next = add(mul(momentumBuffer, momentum), mul(direction, 1 - dampening));
    direction = nesterov ? add(direction, mul(next, momentum)) : next;
    momentumBuffer.assign(where(apply, next, momentumBuffer));
  }
  parameter.assign(where(apply, sub(parameter, mul(direction, learningRate)), parameter));
}
