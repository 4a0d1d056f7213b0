import { ConfigError, sgdStep } from '@formers/backend';
import type { Tensor } from '@tensorflow/tfjs-core';

import { Optimizer } from './optimizer.ts';
import {
  checkFlag,
  checkNumber,
  type OptimizerOptions,
  type Slot,
  type Trainable,
  type UpdateNumbers,
} from './optimizer-options.ts';

/** Options of {@link SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** Share of the last update that is kept; default 0. */
  momentum?: number;
  /** Share of the gradient that the momentum leaves out, from the second step on; default 0. */
  dampening?: number;
  /** Looks ahead along the momentum (Sutskever et al. 2013, section 2); default false. */
  nesterov?: boolean;
}

/** Gradient descent with momentum, and weight decay as a part of the gradient, as `torch.optim.SGD` computes it. */
export class SGD extends Optimizer {
  readonly kind = 'SGD';
  readonly #momentum: number;
  readonly #dampening: number;
  readonly #nesterov: boolean;

  constructor(model: Trainable, { momentum = 0, dampening = 0, nesterov = false, ...options }: SGDOptions) {
    checkNumber('SGD: momentum', momentum);
    if (!Number.isFinite(dampening)) throw new ConfigError(`SGD: dampening must be a number, got ${dampening}`);
    checkFlag('SGD: nesterov', nesterov);
    if (nesterov && (momentum === 0 || dampening !== 0))
      throw new ConfigError('SGD: nesterov needs a momentum above 0 and no dampening');
    super(model, { ...options, moments: (_, { shape }) => (momentum > 0 ? { momentum_buffer: shape } : {}) });
    this.#momentum = momentum;
    this.#dampening = dampening;
    this.#nesterov = nesterov;
  }

  protected override update(
    slots: readonly Slot[],
    { learningRate, step, gradients, gradientScale }: UpdateNumbers,
  ): void {
    const sgdSlots = slots.map(({ parameter, weightDecay, moments }, i) => ({
      parameter,
      weightDecay,
      gradient: gradients[i] as Tensor,
      momentumBuffer: moments['momentum_buffer'],
    }));
    sgdStep(sgdSlots, {
      learningRate,
      step,
      gradientScale,
      momentum: this.#momentum,
      dampening: this.#dampening,
      nesterov: this.#nesterov,
    });
  }
}
