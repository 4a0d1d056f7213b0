export { attempt, npmCi } from './attempt.ts';
export { runCommand } from './command.ts';
export { installDawn, openDawn } from './dawn.ts';
export { describeEngine, ENGINES, startEngine, STORAGES } from './engine.ts';
export { followRun, type RunSummary } from './follow-run.ts';
export { metricsLine } from './metrics.ts';
export { misfitOf } from './misfit.ts';
export { createOptimizer, type OptimizerConfig, OPTIMIZERS } from './optimizer.ts';
export {
  describeOptions,
  type GivenValues,
  kebabCase,
  type OptionSpec,
  type OptionSpecs,
  type OptionValues,
  parseOptions,
  readOptionFile,
  readOptionObject,
  UsageError,
} from './options.ts';
export { count, createReporter, duration, grouped, type LogRecord, type Reporter } from './reporter.ts';
export {
  checkSteps,
  familyOfRun,
  freeFolder,
  makeRunFolder,
  modelFolder,
  readRunConfig,
  saveRunConfig,
} from './run-folder.ts';
export {
  pick,
  resumedConfig,
  resumedSession,
  SESSION_OPTIONS,
  sessionOf,
  type SessionOptions,
  TRAINING_OPTIONS,
  type TrainingConfig,
  trainingConfig,
  trainingOptions,
} from './run-options.ts';
export { type ScheduleConfig, scheduleOf, SCHEDULES } from './schedule.ts';
