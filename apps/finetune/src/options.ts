import {
  type OptionSpecs,
  type OptionValues,
  SESSION_OPTIONS,
  TRAINING_OPTIONS,
  type TrainingConfig,
} from '@formers/cli';
import type { ProblemType } from '@formers/data';

import { PROBLEM_TYPES } from './tasks/problem-type.ts';

/** What can be fine-tuned for. */
export const TASK_NAMES = [
  'text-classification',
  'token-classification',
  'question-answering',
  'seq2seq',
  'causal-lm',
  'image-classification',
] as const;

/** The name of a task. */
export type TaskName = (typeof TASK_NAMES)[number];

/** The options that make a run what it is: kept with it, and the same after a resume. */
export const RUN_OPTIONS = {
  task: { kind: 'text', among: TASK_NAMES, help: 'what the model is to do' },
  model: {
    kind: 'text',
    help: 'where it starts: a folder of a run or a model, a URL, or a name on the Hugging Face hub',
  },
  data: {
    kind: 'texts',
    help: 'JSONL, CSV, TSV, parquet or text files, globs, a folder of images, or spam-assassin, brown, cldr, mnist',
  },
  validationData: { kind: 'text', help: 'a file, a glob or a folder to evaluate on, instead of a part of the data' },
  validation: { kind: 'number', least: 0, below: 1, help: 'share of the data that is held out (default 0.1)' },
  limit: { kind: 'whole', least: 2, help: 'use so many rows of the data only, drawn at random' },
  columns: { kind: 'text', help: 'names of your columns, such as text=review,label=stars' },
  languages: { kind: 'text', help: 'from-to, such as en-de: of cldr, and of a column translation (default en-de)' },
  prefix: { kind: 'text', help: "stands before each source, such as 'summarize: ' (seq2seq)" },
  maxLength: { kind: 'whole', least: 2, help: 'the most tokens of a text (default what the model takes, at most 512)' },
  maxTargetLength: { kind: 'whole', least: 2, help: 'the most tokens of a target (seq2seq; default as --max-length)' },
  tooLong: {
    kind: 'text',
    among: ['refuse', 'cut'],
    help: 'what becomes of longer texts (default refuse; cut for data sets by name)',
  },
  fromScratch: { kind: 'flag', help: 'only the shape of the model: its weights start at random, for comparison' },
  lora: { kind: 'flag', help: 'train low-rank adapters and the new head; the folder is one of PEFT' },
  loraRank: { kind: 'whole', least: 1, help: 'rank of the adapters (default 8)' },
  loraAlpha: { kind: 'number', least: 0, help: 'their weight, over the rank (default 16)' },
  loraDropout: { kind: 'number', least: 0, below: 1, help: 'dropout before them (default 0)' },
  loraTargets: {
    kind: 'text',
    help: "names of the layers in the checkpoint, such as query,value (default PEFT's choice)",
  },
  batchSize: { kind: 'whole', least: 1, help: 'examples per micro-batch (default 16)' },
  problemType: {
    kind: 'text',
    among: PROBLEM_TYPES,
    help: 'what a text gets: a class, several labels, or a number (text-classification; default by the column)',
  },
  labelSmoothing: {
    kind: 'number',
    least: 0,
    below: 1,
    help: 'share of each target that is spread over all classes, tags or tokens (default 0)',
  },
  freeze: {
    kind: 'text',
    help: "what stays as it is: base (all but the head), or a pattern of names of weights, such as 'embeddings|layer\\.[01]\\.'",
  },
  layerwiseDecay: {
    kind: 'number',
    least: 0,
    help: 'learning rate of each layer as a share of that of the layer above (default 1)',
  },
  ...TRAINING_OPTIONS,
  learningRate: {
    ...TRAINING_OPTIONS.learningRate,
    help: 'highest learning rate (default 0.00005, with --lora 0.001)',
  },
  minLearningRate: { ...TRAINING_OPTIONS.minLearningRate, help: 'learning rate at the end (default 0)' },
  warmupSteps: { ...TRAINING_OPTIONS.warmupSteps, help: 'steps until it is reached (default a tenth)' },
  schedule: { ...TRAINING_OPTIONS.schedule, help: 'how the learning rate falls (default linear)' },
  beta2: { ...TRAINING_OPTIONS.beta2, help: "AdamW's memory of squared gradients (default 0.999)" },
  weightDecay: { ...TRAINING_OPTIONS.weightDecay, help: 'decay of weight matrices (default 0.01)' },
  steps: { ...TRAINING_OPTIONS.steps, help: 'steps in all, those before a resume included (default by --epochs)' },
} as const satisfies OptionSpecs;

/** All options of `finetune`. */
export const FINETUNE_OPTIONS = {
  ...RUN_OPTIONS,
  epochs: { kind: 'number', least: 0, help: 'passes over the data, where --steps says nothing (default 3)' },
  merge: { kind: 'flag', help: 'with --lora: also a folder `merged` of the whole model' },
  ...SESSION_OPTIONS,
  out: { ...SESSION_OPTIONS.out, help: 'folder of the run (default checkpoints/<model>-<data>)' },
  saveEvery: { ...SESSION_OPTIONS.saveEvery, help: 'steps between checkpoints (default as --eval-every)' },
  evalEvery: { ...SESSION_OPTIONS.evalEvery, help: 'steps between evaluations (default after each pass)' },
} as const;

/** What was given on the command line or in a file. */
export type GivenOptions = OptionValues<typeof FINETUNE_OPTIONS>;

/** Settings of low-rank adapters. */
export interface LoraSettings {
  loraRank: number;
  loraAlpha: number;
  loraDropout: number;
  /** Absent: by the family of the model. */
  loraTargets?: string;
}

/** What a task has to know before there are data: its data, its model and how texts are cut. */
export interface TaskConfig extends Partial<LoraSettings> {
  family: 'finetune';
  task: TaskName;
  model: string;
  data: string[];
  validationData?: string;
  validation: number;
  limit?: number;
  columns?: string;
  languages?: string;
  prefix?: string;
  maxLength?: number;
  maxTargetLength?: number;
  tooLong: 'refuse' | 'cut';
  fromScratch: boolean;
  lora: boolean;
  problemType?: ProblemType;
  labelSmoothing?: number;
  freeze?: string;
  layerwiseDecay?: number;
  batchSize: number;
  seed: number;
}

/** What makes a run, every default filled in: saved as `run.json`. */
export type FinetuneConfig = TaskConfig & TrainingConfig;
