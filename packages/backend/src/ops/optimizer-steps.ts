import {
  add,
  div,
  greaterEqual,
  isFinite,
  maximum,
  minimum,
  mul,
  scalar,
  type Scalar,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tidy,
  type Variable,
  where,
} from '@tensorflow/tfjs-core';

import { hasKernel } from '../define-op.ts';
import { tfjsEngine } from '../tfjs-engine.ts';
import { updateInPlace } from './update-in-place.ts';

/** The global L2 norm of all tensors together, a scalar. */
export function globalNorm(tensors: readonly Tensor[]): Scalar {
  if (hasKernel('FormersGlobalNorm'))
    return tfjsEngine().runKernel(
      'FormersGlobalNorm',
      Object.fromEntries(tensors.map((tensor, i) => [`tensor${i}`, tensor])),
      {},
    ) as Scalar;
  // One by one: addN binds all of its inputs at once, more than GPUs take.
  return tidy(() =>
    sqrt(tensors.map((tensor) => sum<Scalar>(square(tensor))).reduce((total, squares) => add(total, squares))),
  );
}

/**
 * The factor that clips gradients to a global norm, `min(1, clipNorm / (norm + 1e-6))` as in PyTorch (Pascanu et al. 2013), or -1 where the norm is not
 * finite: the optimizer steps take that as "leave everything as it is".
 *
 * @param norm From {@link globalNorm}; stays on the device.
 * @param clipNorm Largest norm allowed; undefined = no clipping.
 */
export function gradientScale(norm: Scalar, clipNorm?: number): Scalar {
  return tidy(() => {
    const clipped = clipNorm === undefined ? scalar(1) : minimum(1, div(clipNorm, add(norm, 1e-6)));
    return where(isFinite(norm), clipped, scalar(-1)) as Scalar;
  });
}

/** What AdamW keeps and needs for one parameter; all of one shape. */
export interface AdamWSlot {
  readonly parameter: Variable;
  readonly gradient: Tensor;
  readonly firstMoment: Variable;
  readonly secondMoment: Variable;
  /** The largest second moment so far, zeros at first; where it is, it takes the place of the second moment (Reddi et al. 2018, algorithm 2). All slots have it or none. */
  readonly maxSecondMoment?: Variable | undefined;
  readonly weightDecay: number;
}

/** Numbers of one AdamW step. */
export interface AdamWNumbers {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Counts from 1; the bias corrections are computed from it in float64. */
  readonly step: number;
  /** Factor of all gradients, from {@link gradientScale}; negative = change nothing. */
  readonly gradientScale: Scalar;
}

/**
 * One AdamW step on all parameters, in place (Loshchilov and Hutter 2019, algorithm 2), as `torch.optim.AdamW` computes it.
 *
 * Kernel `FormersAdamW`: inputs `parameter0, gradient0, firstMoment0, secondMoment0, parameter1, ...` and `gradientScale`; attributes: the numbers,
 * and `weightDecays`, one per parameter. It writes into the parameters and moments, which share their data with nothing else. Kernel `FormersAMSGrad`: the same for slots
 * with `maxSecondMoment0`.
 */
export function adamWStep(slots: readonly AdamWSlot[], numbers: AdamWNumbers): void {
  const kernel = slots.some(({ maxSecondMoment }) => maxSecondMoment) ? 'FormersAMSGrad' : 'FormersAdamW';
  if (!hasKernel(kernel)) {
    for (const slot of slots) tidy(() => adamWComposition(slot, numbers));
    return;
  }
  const { learningRate, beta1, beta2, epsilon, step } = numbers;
  updateInPlace(kernel, {
    slots: slots.map(({ parameter, gradient, firstMoment, secondMoment, maxSecondMoment }) => ({
      parameter,
      gradient,
      firstMoment,
      secondMoment,
      maxSecondMoment,
    })),
    shared: { gradientScale: numbers.gradientScale },
    attributes: {
      learningRate,
      beta1,
      beta2,
      epsilon,
      step,
      weightDecays: slots.map(({ weightDecay }) => weightDecay),
    },
  });
}

function adamWComposition(
  { parameter, gradient, firstMoment, secondMoment, maxSecondMoment, weightDecay }: AdamWSlot,
  numbers: AdamWNumbers,
): void {
  const { learningRate, beta1, beta2, epsilon, step, gradientScale: scale } = numbers;
  const apply = greaterEqual(scale, 0);
  const g = mul(gradient, scale);
  const m = add(mul(firstMoment, beta1), mul(g, 1 - beta1));
  const v = add(mul(secondMoment, beta2), mul(square(g), 1 - beta2));
  const largest = maxSecondMoment ? maximum(maxSecondMoment, v) : v;
  const denominator = add(div(sqrt(largest), Math.sqrt(1 - beta2 ** step)), epsilon);
  const update = mul(div(m, denominator), learningRate / (1 - beta1 ** step));
  const p = sub(mul(parameter, 1 - learningRate * weightDecay), update);
  firstMoment.assign(where(apply, m, firstMoment));
  secondMoment.assign(where(apply, v, secondMoment));
  maxSecondMoment?.assign(where(apply, largest, maxSecondMoment));
  parameter.assign(where(apply, p, parameter));
}
