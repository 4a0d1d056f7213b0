import { ConfigError } from '@formers/backend';
import type { JsonLike } from '@formers/checkpoints';
import type { Scalar } from '@tensorflow/tfjs-core';

import type { FileSystem } from '../checkpoints/file-system.ts';
import { TrainingError } from '../errors.ts';
import type { Optimizer } from '../optimizers/optimizer.ts';
import type { Trainable } from '../optimizers/optimizer-options.ts';
import type { WeightAverage } from '../optimizers/weight-average.ts';
import type { Metrics, TrainerCallbacks } from './events.ts';
import { checkRestorable } from './restore-weights.ts';

/** What a model is trained on at once. The trainer disposes it. */
export interface TrainingBatch extends Disposable {
  /** How many targets count. */
  readonly tokens: number;
}

/** Batches by number, so that a resumed run sees what the first one would have seen; `TokenWindows.batches` makes one. */
export interface BatchSource<Batch> {
  at(index: number): Batch | Promise<Batch>;
  /** What the batches depend on; compared when a run is resumed. */
  readonly identity?: { readonly [key: string]: JsonLike };
  /** What makes it quick to go on from a batch, such as where in a stream it is; is kept in checkpoints, and changes no batch. */
  placeOf?(index: number): DataPlace;
  /** Learns what {@link placeOf} told in an earlier process. */
  goTo?(place: DataPlace): void;
}

/** Where in its data a run is; plain JSON. */
export type DataPlace = Readonly<Record<string, number>>;

/** Options of `Trainer`. */
export interface TrainerOptions<Batch extends TrainingBatch> {
  /** Is borrowed, as the optimizer is. */
  model: Trainable & { savePretrained?(folder: string): Promise<void> };
  /** Without `out`, the run goes on from the steps that it has made, as after `loadState`. */
  optimizer: Optimizer;
  data: BatchSource<Batch>;
  /** The mean loss of a batch, over its tokens that count. */
  loss: (batch: Batch) => Scalar;
  /** Steps of the whole run, those of earlier parts included. */
  steps: number;
  /** Batches per step; default 1. */
  accumulationSteps?: number;
  /** What the gradient of a step is the mean of; default `tokens`, as if the batches were one. */
  average?: 'tokens' | 'batches';
  /** Measures the model, in evaluation mode; see `meanLoss`. */
  evaluate?: () => Metrics | Promise<Metrics>;
  /** Steps between evaluations; default only at the end. */
  evalEvery?: number;
  /** The metric that says which evaluation is best; default `loss`. */
  bestMetric?: string;
  /** Whether more of it is better; default false. */
  greaterIsBetter?: boolean;
  /** Ends the run after so many evaluations in a row that were no better; default never. */
  patience?: number;
  /** How much better an evaluation must be to count for `patience`; default 0. */
  minImprovement?: number;
  /** Saves the best checkpoint, too, and gives the model its weights at the end (with `weightAverage`, the averages); default false. */
  loadBestAtEnd?: boolean;
  /** Gives the model the weights in a folder that `save` wrote; default for models of `@formers/nn`'s `PretrainedModel`. */
  restore?: (folder: string) => Promise<void>;
  /** A moving average of the weights, which evaluations measure; is borrowed, and saved with checkpoints. */
  weightAverage?: WeightAverage;
  /** What to call for each event; the same events come from `run`. */
  on?: TrainerCallbacks;
  /** Writes what is logged for TensorBoard, too, into `runs` in `out`; default false. */
  tensorBoard?: boolean;
  /** Folder for checkpoints and `log.jsonl`; default none. Node only. */
  out?: string;
  /** Steps between checkpoints; default only at the end, and when the signal stops the run. */
  saveEvery?: number;
  /** How many checkpoints stay: the newest ones, and the best; default all. */
  saveLimit?: number;
  /** Writes the model, tokenizer, ... into a checkpoint folder; default `model.savePretrained`. */
  save?: (folder: string) => Promise<void>;
  /** Drops checkpoints of another run in `out`; default false. */
  overwrite?: boolean;
  /** Steps between records in the log; default 10. */
  logEvery?: number;
  /** Finishes the run early: what is half done is dropped, a checkpoint saved. */
  signal?: AbortSignal;
  /** What must be the same when the run is resumed, such as the model's configuration and a hash of the tokenizer. */
  config?: { readonly [key: string]: JsonLike };
  /** Default the disk. */
  fileSystem?: FileSystem;
  /** Clock in milliseconds; default `performance.now`. */
  now?: () => number;
}

/** @throws {@link ConfigError} for options that make no run. */
export function checkTrainerOptions<Batch extends TrainingBatch>(options: TrainerOptions<Batch>): void {
  for (const name of [
    'steps',
    'accumulationSteps',
    'evalEvery',
    'saveEvery',
    'saveLimit',
    'logEvery',
    'patience',
  ] as const) {
    const value = options[name];
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    throw new ConfigError(`Trainer: ${name} must be a whole number from 1, got ${value}`);
  }
  const { minImprovement = 0, patience, evaluate, loadBestAtEnd, out, restore, model } = options;
  if (!(minImprovement >= 0))
    throw new ConfigError(`Trainer: minImprovement must be a number from 0, got ${minImprovement}`);
  if (patience !== undefined && !evaluate) throw new ConfigError('Trainer: patience needs the option evaluate');
  if (loadBestAtEnd && (!evaluate || out === undefined))
    throw new ConfigError('Trainer: loadBestAtEnd needs the options evaluate and out');
  if (loadBestAtEnd && !restore) checkRestorable(model);
  const { numSteps } = options.optimizer;
  if (numSteps !== 0 && out !== undefined)
    throw new ConfigError(`Trainer: with out, optimizer must be a new one, got one that has made ${numSteps} steps`);
}

/**
 * The metric that evaluations are compared by.
 *
 * @throws {@link ConfigError} when there is none of this name.
 * @throws {@link TrainingError} `not-finite` when a metric is not.
 */
export function bestMetricOf(metrics: Metrics, { bestMetric, step }: { bestMetric: string; step: number }): number {
  for (const [name, value] of Object.entries(metrics)) {
    if (Number.isFinite(value)) continue;
    throw new TrainingError('not-finite', `Trainer: the evaluation at step ${step} gave ${name} ${value}`);
  }
  const metric = metrics[bestMetric];
  if (metric !== undefined) return metric;
  const names = Object.keys(metrics).join(', ') || 'none';
  throw new ConfigError(`Trainer: evaluate gives no metric "${bestMetric}", but ${names}`);
}
