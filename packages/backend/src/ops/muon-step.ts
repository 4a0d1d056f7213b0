import { greaterEqual, mul, type Scalar, sub, type Tensor2D, tidy, type Variable, where } from '@tensorflow/tfjs-core';

import { hasKernel } from '../define-op.ts';
import { mix } from './mix.ts';
import { NEWTON_SCHULZ, orthogonalize } from './orthogonalize.ts';
import { updateInPlace } from './update-in-place.ts';

/** What Muon keeps and needs for one matrix; all of one shape. */
export interface MuonSlot {
  readonly parameter: Variable;
  readonly gradient: Tensor2D;
  /** Zeros at first. */
  readonly momentumBuffer: Variable;
  readonly weightDecay: number;
  /** What the learning rate of the update is multiplied by. */
  readonly rateFactor: number;
}

/** Numbers of one Muon step. */
export interface MuonNumbers {
  readonly learningRate: number;
  /** Share of the last update that is kept. */
  readonly momentum: number;
  /** Looks ahead along the momentum. */
  readonly nesterov: boolean;
  /** Of Newton and Schulz. */
  readonly iterations: number;
  /** Factor of all gradients, from `gradientScale`; negative = change nothing. */
  readonly gradientScale: Scalar;
}

/** What the norm of an update is at least. */
const EPSILON = 1e-7;

/**
 * One Muon step on all matrices, in place (Jordan 2024): the momentum is made orthogonal before it is used, as `torch.optim.Muon` does, in float32.
 *
 * Kernel `FormersMuon`: inputs `parameter0, gradient0, momentumBuffer0, parameter1, ...` and `gradientScale`; attributes: the numbers with `epsilon` and the `coefficients` of the
 * iteration, and `weightDecays` and `rateFactors`, one per matrix.
 */
export function muonStep(slots: readonly MuonSlot[], numbers: MuonNumbers): void {
  if (!hasKernel('FormersMuon')) {
    for (const slot of slots) tidy(() => composition(slot, numbers));
    return;
  }
  const { gradientScale, ...rest } = numbers;
  updateInPlace('FormersMuon', {
    slots: slots.map(({ parameter, gradient, momentumBuffer }) => ({ parameter, gradient, momentumBuffer })),
    shared: { gradientScale },
    attributes: {
      ...{ ...rest, epsilon: EPSILON, coefficients: NEWTON_SCHULZ },
      weightDecays: slots.map(({ weightDecay }) => weightDecay),
      rateFactors: slots.map(({ rateFactor }) => rateFactor),
    },
  });
}

function composition(
  { parameter, gradient, momentumBuffer, weightDecay, rateFactor }: MuonSlot,
  { learningRate, momentum, nesterov, iterations, gradientScale }: MuonNumbers,
): void {
  const apply = greaterEqual(gradientScale, 0);
  const scaled = mul(gradient, gradientScale);
  const next = mix(momentumBuffer, scaled, momentum);
  const direction = (nesterov ? mix(next, scaled, momentum) : next) as Tensor2D; // [rows, columns]
  const update = orthogonalize(direction, { iterations, epsilon: EPSILON });
  const moved = sub(mul(parameter, 1 - learningRate * weightDecay), mul(update, learningRate * rateFactor));
  momentumBuffer.assign(where(apply, next, momentumBuffer));
  parameter.assign(where(apply, moved, parameter));
}
