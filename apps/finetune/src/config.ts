import { pick, trainingConfig, UsageError } from '@formers/cli';

import type { ProblemType } from '@formers/data';

import type { FinetuneConfig, GivenOptions, LoraSettings, TaskConfig, TaskName } from './options.ts';

const LORA: LoraSettings = { loraRank: 8, loraAlpha: 16, loraDropout: 0 };

const LORA_OPTIONS = ['loraRank', 'loraAlpha', 'loraDropout', 'loraTargets'] as const;

const OPTIONAL = [
  'validationData',
  'limit',
  'columns',
  'languages',
  'prefix',
  'maxLength',
  'maxTargetLength',
  'labelSmoothing',
  'freeze',
  'layerwiseDecay',
] as const;

/** The data sets by name, and the task that each is for. */
export const DATA_SETS: Readonly<Record<string, TaskName>> = {
  'spam-assassin': 'text-classification',
  brown: 'token-classification',
  cldr: 'seq2seq',
  mnist: 'image-classification',
};

/** Fills in the defaults of a new run, but for those that depend on the number of examples. */
export function taskConfig(given: GivenOptions): TaskConfig {
  const { task, model, data, lora = false, fromScratch = false, seed = 1337 } = given;
  for (const name of ['task', 'model', 'data'] as const)
    if (given[name] === undefined) throw new UsageError(`--${name} is missing; see --help`);
  if (task === undefined || model === undefined || data === undefined) throw new UsageError('see --help');
  const [first = ''] = data;
  const fits = DATA_SETS[first];
  if (fits !== undefined && (data.length > 1 || fits !== task))
    throw new UsageError(
      `--data ${first} is for --task ${fits}, and stands alone, got --task ${task} and ${data.join(', ')}`,
    );
  if (lora && fromScratch) throw new UsageError('--lora and --from-scratch exclude each other');
  for (const name of [...LORA_OPTIONS, 'merge'] as const)
    if (!lora && given[name] !== undefined)
      throw new UsageError(`--${name.replace('lora', 'lora-').toLowerCase()} needs --lora`);
  checkTraining(given);
  return {
    family: 'finetune',
    task: task as TaskName,
    model,
    data,
    validation: given.validation ?? 0.1,
    ...pick(given, OPTIONAL),
    tooLong: (given.tooLong ?? (fits === undefined ? 'refuse' : 'cut')) as TaskConfig['tooLong'],
    ...(given.problemType !== undefined && { problemType: given.problemType as ProblemType }),
    fromScratch,
    lora,
    ...(lora && { ...LORA, ...pick(given, LORA_OPTIONS) }),
    batchSize: given.batchSize ?? 16,
    seed,
  };
}

/** @throws {@link UsageError} for options that don't go together. */
function checkTraining({
  task,
  lora,
  freeze,
  emaDecay = 0,
  layerwiseDecay,
  problemType,
  labelSmoothing,
}: GivenOptions): void {
  const refuse = (message: string): never => {
    throw new UsageError(message);
  };
  if (lora && freeze !== undefined) refuse('--lora leaves the model as it is anyway: --freeze is for whole models');
  if (lora && emaDecay > 0) refuse('--ema-decay is for whole models, not for --lora');
  if (layerwiseDecay !== undefined && !(layerwiseDecay > 0 && layerwiseDecay <= 1))
    refuse(`--layerwise-decay must be a number above 0, at most 1, got ${layerwiseDecay}`);
  if (problemType !== undefined && task !== 'text-classification')
    refuse(`--problem-type is for --task text-classification, got --task ${task}`);
  if (labelSmoothing !== undefined && task === 'question-answering')
    refuse('--label-smoothing is for classes, tags and written tokens, not for --task question-answering');
}

/** Fills in what depends on the number of examples to learn. */
export function withSteps(
  config: TaskConfig,
  { given, numExamples }: { given: GivenOptions; numExamples: number },
): FinetuneConfig {
  const { batchSize, lora } = config;
  const { epochs = 3, accumulationSteps = 1 } = given;
  const steps = given.steps ?? Math.max(1, Math.ceil((epochs * numExamples) / (batchSize * accumulationSteps)));
  const defaults = {
    learningRate: lora ? 1e-3 : 5e-5,
    minLearningRate: 0,
    schedule: 'linear',
    beta2: 0.999,
    weightDecay: 0.01,
    warmupSteps: Math.floor(steps / 10),
    steps,
  };
  return { ...config, ...trainingConfig({ ...given, steps }, defaults) };
}
