import {
  Adafactor,
  AdamW,
  Lion,
  Muon,
  type Optimizer,
  type OptimizerOptions,
  type ParameterGroup,
  SGD,
  type Trainable,
} from '@formers/training';

import { type ScheduleConfig, scheduleOf } from './schedule.ts';

/** The optimizers by their names on the command line. */
export const OPTIMIZERS: readonly ['adamw', 'sgd', 'adafactor', 'lion', 'muon'] = [
  'adamw',
  'sgd',
  'adafactor',
  'lion',
  'muon',
];

/** What an optimizer depends on. */
export interface OptimizerConfig extends ScheduleConfig {
  optimizer: string;
  beta2: number;
  weightDecay: number;
  clipNorm: number;
  seed: number;
  /** Parameters with rates of their own. */
  groups?: readonly ParameterGroup[];
}

/** The optimizer of a run, with its schedule; momentum of `sgd` is 0.9, and `adafactor` and `muon` take rates of the size of AdamW's. */
export function createOptimizer(model: Trainable, config: OptimizerConfig): Optimizer {
  const { optimizer, beta2, weightDecay, clipNorm, seed, groups } = config;
  const options: OptimizerOptions = {
    learningRate: scheduleOf(config),
    weightDecay,
    ...(clipNorm > 0 && { clipNorm }),
    ...(groups && { groups }),
    seed,
  };
  switch (optimizer) {
    case 'sgd':
      return new SGD(model, { ...options, momentum: 0.9 });
    case 'adafactor':
      return new Adafactor(model, { ...options, scaleParameter: false });
    case 'lion':
      return new Lion(model, options);
    case 'muon':
      return new Muon(model, { ...options, rateScale: 'adam', adamW: { beta2 } });
    default:
      return new AdamW(model, { ...options, beta2 });
  }
}

/** What an optimizer's usual learning rate is as a multiple of AdamW's. */
export function rateFactor(optimizer: string): number {
  return optimizer === 'sgd' ? 50 : optimizer === 'lion' ? 0.2 : 1;
}
