import { constant, nanoGptCosine, type Schedule, warmupConstant, warmupLinear } from '@formers/training';

import { UsageError } from './options.ts';

/** What a learning rate depends on. */
export interface ScheduleConfig {
  schedule: string;
  learningRate: number;
  minLearningRate: number;
  warmupSteps: number;
  steps: number;
}

/** The learning rate by step: up to its peak, then down to its floor. */
export function scheduleOf({
  schedule,
  learningRate: peak,
  minLearningRate: floor,
  warmupSteps: warmup,
  steps: total,
}: ScheduleConfig): Schedule {
  if (floor > peak) throw new UsageError(`--min-learning-rate must be at most the learning rate ${peak}, got ${floor}`);
  if (schedule === 'constant') return warmup > 0 ? warmupConstant({ peak, warmup }) : constant({ peak });
  if (schedule === 'cosine') return nanoGptCosine({ peak, warmup, total, floor });
  const linear = warmupLinear({ peak: peak - floor, warmup, total });
  return (step) => (step < warmup ? (peak * step) / warmup : floor + linear(step));
}
