import {
  type GivenValues,
  kebabCase,
  type OptionSpec,
  type OptionSpecs,
  type OptionValues,
  UsageError,
} from './options.ts';
import { ENGINES, STORAGES } from './engine.ts';
import { OPTIMIZERS, rateFactor } from './optimizer.ts';
import { SCHEDULES } from './schedule.ts';

/** Options of every run, whatever the family, that make it what it is. */
export const TRAINING_OPTIONS = {
  accumulationSteps: { kind: 'whole', least: 1, help: 'micro-batches per step (default 1)' },
  learningRate: {
    kind: 'number',
    least: 0,
    help: 'highest learning rate (default 0.001; of lion a fifth, of sgd 50 times as much)',
  },
  minLearningRate: { kind: 'number', least: 0, help: 'learning rate at the end (default a tenth of the highest)' },
  warmupSteps: {
    kind: 'whole',
    least: 0,
    help: 'steps until the learning rate is reached (default 100, at most a tenth)',
  },
  schedule: {
    kind: 'text',
    among: SCHEDULES,
    help: 'how the learning rate falls (default cosine)',
  },
  optimizer: { kind: 'text', among: OPTIMIZERS, help: 'how weights follow gradients (default adamw)' },
  beta2: { kind: 'number', least: 0, below: 1, help: "AdamW's memory of squared gradients (default 0.99)" },
  weightDecay: { kind: 'number', least: 0, help: 'decay of weight matrices (default 0.1)' },
  clipNorm: { kind: 'number', least: 0, help: 'longest gradient, 0 = any (default 1)' },
  emaDecay: {
    kind: 'number',
    least: 0,
    below: 1,
    help: 'also keep a moving average of the weights, and evaluate that; what a step keeps of it (default 0, none)',
  },
  seed: { kind: 'whole', least: 0, help: 'of all random numbers (default 1337)' },
  steps: {
    kind: 'whole',
    least: 1,
    help: 'steps in all, those before a resume included (default 3000)',
  },
} as const satisfies OptionSpecs;

/** The defaults that families of runs set for themselves. */
type TrainingDefaults = Partial<
  Pick<TrainingConfig, 'learningRate' | 'minLearningRate' | 'beta2' | 'weightDecay' | 'steps'>
>;

/** {@link TRAINING_OPTIONS} whose help tells other defaults, those that {@link trainingConfig} is given. */
export function trainingOptions({
  learningRate = 0.001,
  minLearningRate,
  beta2 = 0.99,
  weightDecay = 0.1,
  steps = 3000,
}: TrainingDefaults): { readonly [Name in keyof typeof TRAINING_OPTIONS]: Told<(typeof TRAINING_OPTIONS)[Name]> } {
  const told = <Spec extends OptionSpec>({ help, ...spec }: Spec, value: number): Told<Spec> => ({
    ...spec,
    help: help.replace(/\(default [\d.]+/, `(default ${value}`),
  });
  const { minLearningRate: atTheEnd } = TRAINING_OPTIONS;
  return {
    ...TRAINING_OPTIONS,
    learningRate: told(TRAINING_OPTIONS.learningRate, learningRate),
    ...(minLearningRate !== undefined && {
      minLearningRate: { ...atTheEnd, help: `learning rate at the end (default ${minLearningRate})` },
    }),
    beta2: told(TRAINING_OPTIONS.beta2, beta2),
    weightDecay: told(TRAINING_OPTIONS.weightDecay, weightDecay),
    steps: told(TRAINING_OPTIONS.steps, steps),
  };
}

/** An option with another help. */
type Told<Spec extends OptionSpec> = Omit<Spec, 'help'> & { readonly help: string };

/** Options of one start of the program. */
export const SESSION_OPTIONS = {
  engine: { kind: 'text', among: ENGINES, help: 'what to compute on (default auto: the fastest there is)' },
  storage: {
    kind: 'text',
    among: STORAGES,
    help: 'how the webgpu engine keeps what layers put out: f16 takes half the memory (default f32)',
  },
  threads: { kind: 'whole', least: 1, help: 'threads of the simd engine (default one per core)' },
  out: { kind: 'text', help: 'folder of the run (default checkpoints/<data set>)' },
  resume: { kind: 'text', help: 'folder of a run, or of one of its checkpoints, to go on with' },
  saveEvery: { kind: 'whole', least: 1, help: 'steps between checkpoints (default 500)' },
  evalEvery: { kind: 'whole', least: 1, help: 'steps between evaluations on held-out data (default 250)' },
  patience: { kind: 'whole', least: 1, help: 'stop after so many evaluations without a better one (default never)' },
  gradientCheckpointing: {
    kind: 'flag',
    help: 'compute layers again instead of keeping what they held: less memory, same bits',
  },
  tensorBoard: { kind: 'flag', help: 'write event files for TensorBoard, too' },
  config: { kind: 'text', help: 'JSON file of options in camelCase; flags go before it' },
  json: { kind: 'flag', help: 'one JSON record per log line, and a last summary' },
  quiet: { kind: 'flag', help: 'print only the summary' },
  help: { kind: 'flag', help: 'this text' },
} as const satisfies OptionSpecs;

/** The options of a start that hold until the end of the run, also after a resume, unless it is told otherwise. */
const LASTING = ['saveEvery', 'evalEvery', 'patience', 'gradientCheckpointing', 'tensorBoard'] as const;

/** How a run saves and evaluates: kept in `run.json` as `session`. */
export type SessionOptions = Pick<OptionValues<typeof SESSION_OPTIONS>, (typeof LASTING)[number]>;

/** What of the given options holds until the end of the run. */
export function sessionOf(given: SessionOptions): SessionOptions {
  return pick(given, LASTING);
}

/** What was given, and below it what holds since the run was started. */
export function resumedSession<Given extends SessionOptions>(
  given: Given,
  { session }: { session?: SessionOptions | undefined },
): Given {
  return { ...session, ...given };
}

/** What every run's config has. */
export interface TrainingConfig {
  accumulationSteps: number;
  learningRate: number;
  minLearningRate: number;
  warmupSteps: number;
  schedule: string;
  optimizer: string;
  beta2: number;
  weightDecay: number;
  clipNorm: number;
  emaDecay: number;
  seed: number;
  steps: number;
}

/** Fills in the defaults of the options that every run has. */
export function trainingConfig(given: Partial<TrainingConfig>, defaults: Partial<TrainingConfig> = {}): TrainingConfig {
  const { optimizer = 'adamw', steps = defaults.steps ?? 2000 } = given;
  const factor = rateFactor(optimizer);
  const { learningRate = factor * (defaults.learningRate ?? 1e-3) } = given;
  return {
    accumulationSteps: 1,
    minLearningRate: learningRate / 10,
    warmupSteps: Math.min(100, Math.floor(steps / 10)),
    schedule: 'cosine',
    optimizer,
    beta2: 0.99,
    weightDecay: 0.1,
    clipNorm: 1,
    emaDecay: 0,
    seed: 1337,
    ...defaults,
    ...(defaults.minLearningRate !== undefined && { minLearningRate: factor * defaults.minLearningRate }),
    ...pick(given, Object.keys(TRAINING_OPTIONS) as (keyof TrainingConfig)[]),
    learningRate,
    steps,
  };
}

/** The members of an object that are set. */
export function pick<Value extends object, Key extends keyof Value>(
  value: Value,
  keys: readonly Key[],
): Partial<Pick<Value, Key>> {
  return Object.fromEntries(keys.filter((key) => value[key] !== undefined).map((key) => [key, value[key]])) as Partial<
    Pick<Value, Key>
  >;
}

/**
 * The config of a resumed run: as it was saved, with a new total of steps if one is given.
 *
 * @param asked What was given, presets resolved.
 * @throws {@link UsageError} where an option would make it another run.
 */
export function resumedConfig<Config extends { steps: number }>(
  saved: Config,
  asked: GivenValues,
  specs: OptionSpecs,
): Config {
  const savedValues = new Map<string, unknown>(Object.entries(saved));
  for (const name of Object.keys(specs)) {
    const [was, is] = [savedValues.get(name), asked[name]];
    if (name === 'steps' || name === 'preset' || is === undefined || JSON.stringify(is) === JSON.stringify(was))
      continue;
    throw new UsageError(
      `--${kebabCase(name)} ${was === undefined ? 'is not set' : `is ${JSON.stringify(was)}`} in the run to resume, got ${JSON.stringify(is)}`,
    );
  }
  return { ...saved, ...(typeof asked['steps'] === 'number' && { steps: asked['steps'] }) };
}
