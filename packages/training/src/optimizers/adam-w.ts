import { adamWStep } from '@formers/backend';
import type { Tensor, Variable } from '@tensorflow/tfjs-core';

import { Optimizer } from './optimizer.ts';
import {
  checkFlag,
  checkNumber,
  type MomentShapes,
  type OptimizerOptions,
  type Slot,
  type Trainable,
  type UpdateNumbers,
} from './optimizer-options.ts';

/** Numbers of Adam. */
export interface AdamNumbers {
  /** Default 0.9. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** Added to the root of the second moment; default 1e-8. */
  epsilon?: number;
}

/** Options of {@link AdamW}. */
export interface AdamWOptions extends OptimizerOptions, AdamNumbers {
  /** Default 0.01. */
  weightDecay?: number;
  /** Divides by the largest second moment so far instead of the last one (Reddi et al. 2018, algorithm 2); default false. */
  amsgrad?: boolean;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), as `torch.optim.AdamW` computes it. */
export class AdamW extends Optimizer {
  readonly kind = 'AdamW';
  readonly #numbers: Required<AdamNumbers>;

  constructor(
    model: Trainable,
    { beta1, beta2, epsilon, weightDecay = 0.01, amsgrad = false, ...options }: AdamWOptions,
  ) {
    const numbers = checkAdam('AdamW', { beta1, beta2, epsilon });
    checkFlag('AdamW: amsgrad', amsgrad);
    const moments = (shape: readonly number[]) => ({
      ...adamMoments(shape),
      ...(amsgrad && { max_exp_avg_sq: shape }),
    });
    super(model, { ...options, weightDecay, moments: (_, { shape }) => moments(shape) });
    this.#numbers = numbers;
  }

  protected override update(slots: readonly Slot[], numbers: UpdateNumbers): void {
    updateAdamW(slots, { ...numbers, ...this.#numbers });
  }
}

/** @throws {@link ConfigError} for numbers out of range. */
export function checkAdam(
  name: string,
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: { [Key in keyof AdamNumbers]: number | undefined },
): Required<AdamNumbers> {
  checkNumber(`${name}: beta1`, beta1, { high: 1 });
  checkNumber(`${name}: beta2`, beta2, { high: 1 });
  checkNumber(`${name}: epsilon`, epsilon);
  return { beta1, beta2, epsilon };
}

/** Adam's two moments, by PyTorch's names. */
export function adamMoments(shape: readonly number[]): MomentShapes {
  return { exp_avg: shape, exp_avg_sq: shape };
}

/** One AdamW step on slots with {@link adamMoments}, and with `max_exp_avg_sq` or without. */
export function updateAdamW(
  slots: readonly Slot[],
  { gradients, ...numbers }: UpdateNumbers & Required<AdamNumbers>,
): void {
  const adamWSlots = slots.map(({ parameter, weightDecay, moments }, i) => ({
    parameter,
    weightDecay,
    gradient: gradients[i] as Tensor,
    firstMoment: moments['exp_avg'] as Variable,
    secondMoment: moments['exp_avg_sq'] as Variable,
    maxSecondMoment: moments['max_exp_avg_sq'],
  }));
  adamWStep(adamWSlots, numbers);
}
