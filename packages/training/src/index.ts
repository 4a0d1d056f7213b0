export { type FileSystem, nodeFileSystem } from './checkpoints/file-system.ts';
export {
  findCheckpoint,
  type FoundCheckpoint,
  type RunCheckpoint,
  writeCheckpoint,
  type WriteCheckpointOptions,
} from './checkpoints/run-folder.ts';
export { TrainingError, type TrainingErrorCode } from './errors.ts';
export { LoRA } from './lora/lora.ts';
export type { LoRAOptions } from './lora/lora-options.ts';
export type { PeftConfig } from './lora/peft-config.ts';
export type { AdaptableModel } from './lora/targets.ts';
export { answerScores, type AnswerScores } from './metrics/answer-scores.ts';
export { ConfusionMatrix, type Scores } from './metrics/confusion-matrix.ts';
export { type Entity, entitiesOf, entityScores, type EntityScores } from './metrics/entity-scores.ts';
export { characterErrorRate, editDistance, sequenceErrorRate, wordErrorRate } from './metrics/error-rates.ts';
export { accuracy, pearson, perplexity, spearman } from './metrics/numbers.ts';
export { bleu, chrF, type References } from './metrics/translation-scores.ts';
export { Adafactor, type AdafactorOptions } from './optimizers/adafactor.ts';
export { type AdamNumbers, AdamW, type AdamWOptions } from './optimizers/adam-w.ts';
export { freeze, unfreeze } from './optimizers/freeze.ts';
export { layerwiseDecay } from './optimizers/layerwise-decay.ts';
export { Lion, type LionOptions } from './optimizers/lion.ts';
export { Muon, type MuonOptions } from './optimizers/muon.ts';
export { type AccumulateOptions, Optimizer, type StepOptions } from './optimizers/optimizer.ts';
export {
  type MomentShapes,
  type OptimizerOptions,
  type OptimizerState,
  type ParameterGroup,
  type ParameterMatch,
  type Slot,
  type StateTensor,
  type Trainable,
  type UpdateNumbers,
} from './optimizers/optimizer-options.ts';
export { WeightAverage, type WeightAverageOptions } from './optimizers/weight-average.ts';
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
export {
  type BestEvaluation,
  type CheckpointEvent,
  type DoneEvent,
  type EvaluationEvent,
  type LogRecord,
  logRecord,
  type Metrics,
  type StepEvent,
  type TrainerCallbacks,
  type TrainerEvent,
} from './trainer/events.ts';
export { checkpointLayers } from './trainer/checkpoint-layers.ts';
export { meanLoss } from './trainer/mean-loss.ts';
export { Trainer } from './trainer/trainer.ts';
export {
  type BatchSource,
  type DataPlace,
  type TrainerOptions,
  type TrainingBatch,
} from './trainer/trainer-options.ts';
