import { GPT_PRESETS, type GPTPreset } from '@formers/gpt';

import { type OptionSpecs, type OptionValues, UsageError } from './cli-options.ts';
import { DATASETS } from './corpus.ts';
import { ENGINES } from './engine.ts';

/** The options that make a run what it is: kept with it, and the same after a resume. */
export const RUN_OPTIONS = {
  text: { kind: 'texts', help: 'text files or globs to learn, instead of a data set' },
  dataset: { kind: 'text', among: DATASETS, help: 'a text that comes with the app (default moby-dick)' },
  tokenizer: { kind: 'text', help: 'char, bpe, or a tokenizer.json (default char)' },
  vocabSize: { kind: 'whole', least: 1, help: 'tokens of a new bpe tokenizer (default 4096)' },
  preset: { kind: 'text', among: Object.keys(GPT_PRESETS), help: 'sizes of the model by name (default nano-cpu)' },
  dim: { kind: 'whole', least: 1, help: 'width of the model' },
  numLayers: { kind: 'whole', least: 1, help: 'number of decoder layers' },
  numHeads: { kind: 'whole', least: 1, help: 'number of attention heads' },
  contextLength: { kind: 'whole', least: 1, help: 'tokens that the model sees at once' },
  dropout: { kind: 'number', least: 0, below: 1, help: 'share of values that are dropped in training (default 0)' },
  batchSize: { kind: 'whole', least: 1, help: 'sequences per micro-batch (default 12)' },
  accumulationSteps: { kind: 'whole', least: 1, help: 'micro-batches per step (default 1)' },
  learningRate: { kind: 'number', least: 0, help: 'highest learning rate (default 0.001)' },
  minLearningRate: { kind: 'number', least: 0, help: 'learning rate at the end (default a tenth of the highest)' },
  warmupSteps: { kind: 'whole', least: 0, help: 'steps until the learning rate is reached (default 100)' },
  schedule: { kind: 'text', among: ['cosine', 'linear', 'constant'], help: 'how the learning rate falls (default cosine)' },
  beta2: { kind: 'number', least: 0, below: 1, help: "AdamW's memory of squared gradients (default 0.99)" },
  weightDecay: { kind: 'number', least: 0, help: 'decay of weight matrices (default 0.1)' },
  clipNorm: { kind: 'number', least: 0, help: 'longest gradient, 0 = any (default 1)' },
  seed: { kind: 'whole', least: 0, help: 'of all random numbers (default 1337)' },
  steps: { kind: 'whole', least: 1, help: 'steps in all, those before a resume included (default 2000)' },
} as const satisfies OptionSpecs;

/** The options of one start of the program. */
export const SESSION_OPTIONS = {
  engine: { kind: 'text', among: ENGINES, help: 'what to compute on (default auto: the fastest there is)' },
  threads: { kind: 'whole', least: 1, help: 'threads of the simd engine (default one per core)' },
  out: { kind: 'text', help: 'folder of the run (default checkpoints/<data set>)' },
  resume: { kind: 'text', help: 'folder of a run, or of one of its checkpoints, to go on with' },
  saveEvery: { kind: 'whole', least: 1, help: 'steps between checkpoints (default 500)' },
  evalEvery: { kind: 'whole', least: 1, help: 'steps between evaluations on held-out text (default 250)' },
  config: { kind: 'text', help: 'JSON file of options in camelCase; flags go before it' },
  json: { kind: 'flag', help: 'one JSON record per log line, and a last summary' },
  quiet: { kind: 'flag', help: 'print only the summary' },
  help: { kind: 'flag', help: 'this text' },
} as const satisfies OptionSpecs;

/** All options of the command. */
export const PRETRAIN_OPTIONS = { ...RUN_OPTIONS, ...SESSION_OPTIONS } as const;

/** What was given on the command line or in a file. */
export type GivenOptions = OptionValues<typeof PRETRAIN_OPTIONS>;

/** What makes a run, every default filled in: saved as `run.json`. */
export interface RunConfig {
  text?: string[];
  dataset?: string;
  tokenizer: string;
  vocabSize: number;
  dim: number;
  numLayers: number;
  numHeads: number;
  contextLength: number;
  dropout: number;
  batchSize: number;
  accumulationSteps: number;
  learningRate: number;
  minLearningRate: number;
  warmupSteps: number;
  schedule: string;
  beta2: number;
  weightDecay: number;
  clipNorm: number;
  seed: number;
  steps: number;
}

/** Sizes for the plain `cpu` engine, where the default has to end within minutes. */
const SLOW_ENGINE = { contextLength: 32, dim: 48, numHeads: 4, numLayers: 2, steps: 200 } as const;

/** Fills in the defaults of a new run. `isSlow` is for engines in plain JavaScript. */
export function runConfig(given: GivenOptions, { isSlow }: { isSlow: boolean }): RunConfig {
  const { learningRate = 1e-3, text, dataset = 'moby-dick', preset } = given;
  if (text && given.dataset) throw new UsageError('--text and --dataset exclude each other');
  const { steps: defaultSteps = 2000, ...sizes } = preset || !isSlow ? { ...GPT_PRESETS[(preset ?? 'nano-cpu') as GPTPreset], steps: undefined } : SLOW_ENGINE;
  const steps = given.steps ?? defaultSteps;
  const pick = <Key extends keyof RunConfig>(key: Key, fallback: RunConfig[Key]): RunConfig[Key] => (given[key] as RunConfig[Key] | undefined) ?? fallback;
  return {
    ...(text ? { text } : { dataset }),
    tokenizer: pick('tokenizer', 'char'),
    vocabSize: pick('vocabSize', 4096),
    dim: pick('dim', sizes.dim),
    numLayers: pick('numLayers', sizes.numLayers),
    numHeads: pick('numHeads', sizes.numHeads),
    contextLength: pick('contextLength', sizes.contextLength),
    dropout: pick('dropout', 0),
    batchSize: pick('batchSize', 12),
    accumulationSteps: pick('accumulationSteps', 1),
    learningRate,
    minLearningRate: pick('minLearningRate', learningRate / 10),
    warmupSteps: pick('warmupSteps', Math.min(100, Math.floor(steps / 10))),
    schedule: pick('schedule', 'cosine'),
    beta2: pick('beta2', 0.99),
    weightDecay: pick('weightDecay', 0.1),
    clipNorm: pick('clipNorm', 1),
    seed: pick('seed', 1337),
    steps,
  };
}

/**
 * The config of a resumed run: as it was saved, with a new total of steps if one is given.
 *
 * @throws {@link UsageError} where an option is given that would make it another run.
 */
export function resumedConfig(saved: RunConfig, given: GivenOptions): RunConfig {
  const { preset, steps = saved.steps, ...others } = given;
  const asked: GivenOptions = { ...(preset && GPT_PRESETS[preset as GPTPreset]), ...others };
  for (const name of Object.keys(RUN_OPTIONS) as (keyof RunConfig & keyof GivenOptions)[]) {
    const [was, is] = [saved[name], asked[name]];
    if (is === undefined || JSON.stringify(is) === JSON.stringify(was)) continue;
    throw new UsageError(`--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is ${JSON.stringify(was)} in the run to resume, got ${JSON.stringify(is)}`);
  }
  return { ...saved, steps };
}
