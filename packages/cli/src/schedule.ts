import { constant, nanoGptCosine, noam, type Schedule, warmupConstant, warmupLinear } from '@formers/training';

import { UsageError } from './options.ts';

/** The schedules by their names on the command line. */
export const SCHEDULES: readonly ['cosine', 'linear', 'constant', 'noam'] = ['cosine', 'linear', 'constant', 'noam'];

/** What a learning rate depends on. */
export interface ScheduleConfig {
  schedule: string;
  learningRate: number;
  minLearningRate: number;
  warmupSteps: number;
  steps: number;
}

/** The learning rate by step: up to its peak, then down to its floor; `noam` falls with the root of the step, whatever the floor and the total. */
export function scheduleOf({
  schedule,
  learningRate: peak,
  minLearningRate: floor,
  warmupSteps: warmup,
  steps: total,
}: ScheduleConfig): Schedule {
  if (floor > peak) throw new UsageError(`--min-learning-rate must be at most the learning rate ${peak}, got ${floor}`);
  if (schedule === 'constant') return warmup > 0 ? warmupConstant({ peak, warmup }) : constant({ peak });
  if (schedule === 'noam')
    return noam({ dim: 1, warmup: Math.max(1, warmup), factor: peak * Math.sqrt(Math.max(1, warmup)) });
  if (schedule === 'cosine') return nanoGptCosine({ peak, warmup, total, floor });
  const linear = warmupLinear({ peak: peak - floor, warmup, total });
  return (step) => (step < warmup ? (peak * step) / warmup : floor + linear(step));
}
