import { adafactorStep, ConfigError } from '@formers/backend';
import type { Tensor } from '@tensorflow/tfjs-core';

import type { Schedule } from '../schedules/schedules.ts';
import { Optimizer } from './optimizer.ts';
import {
  checkNumber,
  type OptimizerOptions,
  type Slot,
  type Trainable,
  type UpdateNumbers,
} from './optimizer-options.ts';

/** Options of {@link Adafactor}. */
export interface AdafactorOptions extends Omit<OptimizerOptions, 'learningRate'> {
  /** Default relative steps: `min(0.01, 1 / √step)` (algorithm 5). */
  learningRate?: number | Schedule;
  /** Whether relative steps begin at `1e-6 · step`; default false. */
  warmupInit?: boolean;
  /** Whether the rate of a parameter is also multiplied by its root mean square; default true. */
  scaleParameter?: boolean;
  /** What that root mean square is at least; default 1e-3. */
  leastScale?: number;
  /** Added to squared gradients; default 1e-30. */
  epsilon?: number;
  /** Largest root mean square of an update, before the learning rate; default 1. */
  clipThreshold?: number;
  /** Exponent of the decay of the second moment, `1 - step^decayRate`; default -0.8. */
  decayRate?: number;
  /** Decay of a first moment; default none is kept. */
  beta1?: number;
}

/**
 * Adafactor (Shazeer and Stern 2018), whose second moments of a matrix are a row and a column, as `Adafactor` of Hugging Face's Transformers computes it: there
 * `learningRate` is `lr`, with `relative_step` where it is None.
 */
export class Adafactor extends Optimizer {
  readonly kind = 'Adafactor';
  readonly #numbers: Omit<Parameters<typeof adafactorStep>[1], 'learningRate' | 'step' | 'gradientScale'>;

  constructor(
    model: Trainable,
    {
      learningRate,
      warmupInit = false,
      scaleParameter = true,
      leastScale = 1e-3,
      epsilon = 1e-30,
      clipThreshold = 1,
      decayRate = -0.8,
      beta1,
      ...options
    }: AdafactorOptions = {},
  ) {
    checkNumber('Adafactor: leastScale', leastScale);
    checkNumber('Adafactor: epsilon', epsilon);
    checkNumber('Adafactor: clipThreshold', clipThreshold, { low: Number.MIN_VALUE });
    checkNumber('Adafactor: decayRate', decayRate, { low: -Infinity, high: 0 });
    if (beta1 !== undefined) checkNumber('Adafactor: beta1', beta1, { high: 1 });
    if (warmupInit && learningRate !== undefined)
      throw new ConfigError('Adafactor: warmupInit is for relative steps, without a learningRate');
    super(model, {
      ...options,
      learningRate: learningRate ?? relativeStep(warmupInit),
      moments: (_, { shape }) => ({
        ...(shape.length >= 2
          ? { exp_avg_sq_row: shape.slice(0, -1), exp_avg_sq_col: [...shape.slice(0, -2), ...shape.slice(-1)] }
          : { exp_avg_sq: shape }),
        ...(beta1 !== undefined && { exp_avg: shape }),
      }),
    });
    this.#numbers = {
      epsilon,
      clipThreshold,
      decayRate,
      ...(beta1 !== undefined && { beta1 }),
      ...(scaleParameter && { leastScale }),
    };
  }

  protected override update(slots: readonly Slot[], { gradients, ...numbers }: UpdateNumbers): void {
    const adafactorSlots = slots.map(({ parameter, weightDecay, moments }, i) => ({
      parameter,
      weightDecay,
      gradient: gradients[i] as Tensor,
      rowMoment: moments['exp_avg_sq_row'],
      columnMoment: moments['exp_avg_sq_col'],
      secondMoment: moments['exp_avg_sq'],
      firstMoment: moments['exp_avg'],
    }));
    adafactorStep(adafactorSlots, { ...numbers, ...this.#numbers });
  }
}

/** The rate by the number of the step from 0. */
function relativeStep(warmupInit: boolean): Schedule {
  return (step) => Math.min(warmupInit ? 1e-6 * (step + 1) : 1e-2, 1 / Math.sqrt(step + 1));
}
