import { adamWStep } from '@formers/backend';
import type { Tensor, Variable } from '@tensorflow/tfjs-core';

import { Optimizer } from './optimizer.ts';
import {
  checkNumber,
  type OptimizerOptions,
  type Slot,
  type Trainable,
  type UpdateNumbers,
} from './optimizer-options.ts';

/** Options of {@link AdamW}. */
export interface AdamWOptions extends OptimizerOptions {
  /** Default 0.9. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** Added to the root of the second moment; default 1e-8. */
  epsilon?: number;
  /** Default 0.01. */
  weightDecay?: number;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), as `torch.optim.AdamW` computes it. */
export class AdamW extends Optimizer {
  readonly kind = 'AdamW';
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #epsilon: number;

  constructor(
    model: Trainable,
    { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, ...options }: AdamWOptions,
  ) {
    checkNumber('AdamW: beta1', beta1, { high: 1 });
    checkNumber('AdamW: beta2', beta2, { high: 1 });
    checkNumber('AdamW: epsilon', epsilon);
    super(model, { ...options, weightDecay, moments: ['exp_avg', 'exp_avg_sq'] });
    this.#beta1 = beta1;
    this.#beta2 = beta2;
    this.#epsilon = epsilon;
  }

  protected override update(
    slots: readonly Slot[],
    { learningRate, step, gradients, gradientScale }: UpdateNumbers,
  ): void {
    const adamWSlots = slots.map(({ parameter, weightDecay, moments }, i) => ({
      parameter,
      weightDecay,
      gradient: gradients[i] as Tensor,
      firstMoment: moments[0] as Variable,
      secondMoment: moments[1] as Variable,
    }));
    adamWStep(adamWSlots, {
      learningRate,
      step,
      gradientScale,
      beta1: this.#beta1,
      beta2: this.#beta2,
      epsilon: this.#epsilon,
    });
  }
}
