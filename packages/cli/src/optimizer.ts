import { AdamW, type Optimizer, type OptimizerOptions, SGD, type Trainable } from '@formers/training';

import { scheduleOf, type ScheduleConfig } from './schedule.ts';

/** The optimizers by their names on the command line. */
export const OPTIMIZERS: readonly ['adamw', 'sgd'] = ['adamw', 'sgd'];

/** What an optimizer depends on. */
export interface OptimizerConfig extends ScheduleConfig {
  optimizer: string;
  beta2: number;
  weightDecay: number;
  clipNorm: number;
  seed: number;
}

/** The optimizer of a run, with its schedule. */
export function createOptimizer(model: Trainable, config: OptimizerConfig): Optimizer {
  const { optimizer, beta2, weightDecay, clipNorm, seed } = config;
  const options: OptimizerOptions = {
    learningRate: scheduleOf(config),
    weightDecay,
    ...(clipNorm > 0 && { clipNorm }),
    seed,
  };
  return optimizer === 'sgd' ? new SGD(model, { ...options, momentum: 0.9 }) : new AdamW(model, { ...options, beta2 });
}
