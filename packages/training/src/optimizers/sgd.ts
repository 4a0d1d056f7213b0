import { ConfigError } from '@formers/backend';
import { add, greaterEqual, mul, sub, type Tensor, tidy, where } from '@tensorflow/tfjs-core';

import { Optimizer } from './optimizer.ts';
import {
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
  /** Looks ahead along the momentum (Sutskever et al. 2013, section 2); default false. */
  nesterov?: boolean;
}

/** Gradient descent with momentum, and weight decay as a part of the gradient, as `torch.optim.SGD` computes it. */
export class SGD extends Optimizer {
  readonly kind = 'SGD';
  readonly #momentum: number;
  readonly #nesterov: boolean;

  constructor(model: Trainable, { momentum = 0, nesterov = false, ...options }: SGDOptions) {
    checkNumber('SGD: momentum', momentum);
    if (nesterov && momentum === 0) throw new ConfigError('SGD: nesterov needs a momentum above 0');
    super(model, { ...options, moments: momentum > 0 ? ['momentum_buffer'] : [] });
    this.#momentum = momentum;
    this.#nesterov = nesterov;
  }

  protected override update(slots: readonly Slot[], numbers: UpdateNumbers): void {
    slots.forEach((slot, i) => tidy(() => this.#updateOne(slot, numbers.gradients[i] as Tensor, numbers)));
  }

  #updateOne(
    { parameter, weightDecay, moments: [momentum] }: Slot,
    gradient: Tensor,
    { learningRate, gradientScale }: UpdateNumbers,
  ): void {
    const apply = greaterEqual(gradientScale, 0);
    let direction: Tensor = mul(gradient, gradientScale);
    if (weightDecay > 0) direction = add(direction, mul(parameter, weightDecay));
    if (momentum) {
      const next = add(mul(momentum, this.#momentum), direction); // starts at zero: the first one is the direction itself, as in PyTorch
      direction = this.#nesterov ? add(direction, mul(next, this.#momentum)) : next;
      momentum.assign(where(apply, next, momentum));
    }
    parameter.assign(where(apply, sub(parameter, mul(direction, learningRate)), parameter));
  }
}
