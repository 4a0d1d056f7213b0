import {
  type OptionSpecs,
  type OptionValues,
  pick,
  resumedConfig,
  SESSION_OPTIONS,
  TRAINING_OPTIONS,
  type TrainingConfig,
  trainingConfig,
  UsageError,
} from '@formers/cli';
import { GPT_PRESETS, type GPTPreset } from '@formers/gpt';

import { DATASETS } from './corpus.ts';

/** The options that make a run of a GPT what it is: kept with it, and the same after a resume. */
const RUN_OPTIONS = {
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
  ...TRAINING_OPTIONS,
} as const satisfies OptionSpecs;

/** All options of `pretrain --family gpt`. */
export const GPT_OPTIONS = { ...RUN_OPTIONS, ...SESSION_OPTIONS } as const;

/** What was given on the command line or in a file. */
export type GivenGptOptions = OptionValues<typeof GPT_OPTIONS>;

/** What makes a run, every default filled in: saved as `run.json`. */
export interface GptRunConfig extends TrainingConfig {
  family: 'gpt';
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
}

const SIZES = ['dim', 'numLayers', 'numHeads', 'contextLength'] as const;

/** For the plain `cpu` engine, where the default has to end within minutes. */
const SLOW_SIZES = { contextLength: 32, dim: 48, numHeads: 4, numLayers: 2 } as const;
const SLOW_STEPS = 200;

/** Some 2.3 million tokens at the default sizes. */
const FAST_STEPS = 3000;

/** Fills in the defaults of a new run. `isSlow` is for engines in plain JavaScript. */
export function gptRunConfig(given: GivenGptOptions, { isSlow }: { isSlow: boolean }): GptRunConfig {
  const { text, dataset = 'moby-dick', preset } = given;
  if (text && given.dataset) throw new UsageError('--text and --dataset exclude each other');
  const isSmall = isSlow && preset === undefined;
  const sizes = isSmall ? SLOW_SIZES : GPT_PRESETS[(preset ?? 'nano-cpu') as GPTPreset];
  return {
    family: 'gpt',
    ...(text ? { text } : { dataset }),
    tokenizer: 'char',
    vocabSize: 4096,
    ...sizes,
    dropout: 0,
    batchSize: 12,
    ...pick(given, ['tokenizer', 'vocabSize', 'dropout', 'batchSize', ...SIZES]),
    ...trainingConfig(given, { steps: isSmall ? SLOW_STEPS : FAST_STEPS }),
  };
}

/** The config of a resumed run. */
export function resumedGptConfig(saved: GptRunConfig, { preset, ...given }: GivenGptOptions): GptRunConfig {
  return resumedConfig(saved, { ...(preset && GPT_PRESETS[preset as GPTPreset]), ...given }, RUN_OPTIONS);
}
