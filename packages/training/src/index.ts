export { TrainingError, type TrainingErrorCode } from './errors.ts';
export { AdamW, type AdamWOptions } from './optimizers/adam-w.ts';
export { type AccumulateOptions, Optimizer, type StepOptions } from './optimizers/optimizer.ts';
export {
  type OptimizerOptions,
  type OptimizerState,
  type Slot,
  type StateTensor,
  type Trainable,
  type UpdateNumbers,
} from './optimizers/optimizer-options.ts';
export { SGD, type SGDOptions } from './optimizers/sgd.ts';
export { type StepNumbers, StepResult } from './optimizers/step-result.ts';
export { huggingFaceSchedule, type HuggingFaceScheduleOptions, scheduleNames } from './schedules/hugging-face.ts';
export {
  constant,
  type Curve,
  inverseSquareRoot,
  nanoGptCosine,
  noam,
  type Peak,
  type Schedule,
  type Total,
  type Warmup,
  warmupConstant,
  warmupCosine,
  warmupCosineFromFirst,
  warmupCosineRestarts,
  warmupLinear,
  warmupPolynomial,
  warmupStableDecay,
  type WarmupStableDecayOptions,
} from './schedules/schedules.ts';
