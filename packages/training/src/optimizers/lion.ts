import { lionStep } from '@formers/backend';
import type { Tensor, Variable } from '@tensorflow/tfjs-core';

import { Optimizer } from './optimizer.ts';
import {
  checkNumber,
  type OptimizerOptions,
  type Slot,
  type Trainable,
  type UpdateNumbers,
} from './optimizer-options.ts';

/** Options of {@link Lion}. */
export interface LionOptions extends OptimizerOptions {
  /** Share of the momentum in the direction of a step; default 0.9. */
  beta1?: number;
  /** Decay of the momentum; default 0.99. */
  beta2?: number;
}

/**
 * Lion (Chen et al. 2023, algorithm 2): every number moves by the learning rate, in the direction of the sign of momentum and gradient together. Takes rates
 * of a third to a tenth of AdamW's, and as many times its weight decay.
 */
export class Lion extends Optimizer {
  readonly kind = 'Lion';
  readonly #beta1: number;
  readonly #beta2: number;

  constructor(model: Trainable, { beta1 = 0.9, beta2 = 0.99, ...options }: LionOptions) {
    checkNumber('Lion: beta1', beta1, { high: 1 });
    checkNumber('Lion: beta2', beta2, { high: 1 });
    super(model, { ...options, moments: (_, { shape }) => ({ exp_avg: shape }) });
    this.#beta1 = beta1;
    this.#beta2 = beta2;
  }

  protected override update(slots: readonly Slot[], { learningRate, gradients, gradientScale }: UpdateNumbers): void {
    const lionSlots = slots.map(({ parameter, weightDecay, moments }, i) => ({
      ...{ parameter, weightDecay, gradient: gradients[i] as Tensor, momentum: moments['exp_avg'] as Variable },
    }));
    lionStep(lionSlots, { learningRate, beta1: this.#beta1, beta2: this.#beta2, gradientScale });
  }
}
