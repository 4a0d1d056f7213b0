import { copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import type { Metrics, TrainingBatch } from '@formers/training';

import type { TaskConfig } from '../options.ts';
import type { Evaluation, ReadyTask, TaskModel } from '../tasks/task.ts';
import { openAdapters } from './adapters.ts';

/** The best state of a run, and what held-out data say of it. */
export interface BestModel extends Evaluation {
  readonly step: number;
  readonly metrics: Metrics;
}

/** What belongs to the run and not to the model. */
const RUN_FILES: ReadonlySet<string> = new Set([
  'optimizer.safetensors',
  'weight_average.safetensors',
  'trainer_state.json',
  'manifest.json',
]);

/** How the best model of a finished run is kept. */
interface KeepOptions {
  readonly config: TaskConfig;
  readonly out: string;
  /** Folder of the newest checkpoint. */
  readonly newest: string | undefined;
  /** Also write the folder `merged`: the whole model, adapters included. */
  readonly merge: boolean;
  /** Given where the task's own model has the best averages of the weights: they are in no checkpoint as a model. */
  readonly averaged: { save(folder: string): Promise<void> } | undefined;
}

/** Puts the best state of a finished run into the run's folder, as a Hugging Face folder (or one of PEFT), and evaluates it once more, in full. */
export async function keepBest<Model extends TaskModel, Batch extends TrainingBatch>(
  task: ReadyTask<Model, Batch>,
  { config, out, newest, merge, averaged }: KeepOptions,
): Promise<BestModel> {
  if (newest === undefined) throw new Error('keepBest: a finished run has a checkpoint');
  const folder = await bestCheckpoint(newest);
  const step = stepOf(folder);
  if (averaged) {
    const evaluation = await task.evaluate(task.model, { isLast: true });
    await putInPlace(out, (temporary) => averaged.save(temporary));
    return { ...evaluation, step };
  }
  using model = await task.open(folder);
  using adapters = config.lora ? await openAdapters(model, { config, checkpoint: folder }) : undefined;
  const evaluation = await task.evaluate(model, { isLast: true });
  await putInPlace(out, (temporary) => copyModel(folder, temporary));
  if (adapters && merge) {
    const merged = path.join(out, 'merged');
    adapters.merge();
    await model.savePretrained(merged);
    await task.saveProcessor(merged);
  }
  return { ...evaluation, step };
}

/** The best checkpoint, as the newest one's trainer_state.json names it. */
async function bestCheckpoint(newest: string): Promise<string> {
  const state = JSON.parse(await readFile(path.join(newest, 'trainer_state.json'), 'utf8')) as {
    best_model_checkpoint?: string | null;
  };
  const { best_model_checkpoint: best } = state;
  return best ? path.join(path.dirname(newest), path.basename(best)) : newest;
}

/** Copies a checkpoint without what belongs to the run. */
async function copyModel(from: string, to: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => !RUN_FILES.has(name));
  for (const name of names) await copyFile(path.join(from, name), path.join(to, name));
}

/** Has the files of a model written, and puts them into a folder; each appears whole, and config.json last: without it the folder is none of a model. */
async function putInPlace(out: string, write: (folder: string) => Promise<void>): Promise<void> {
  const temporary = path.join(out, '.tmp-best');
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  await write(temporary);
  const isConfig = (name: string): number => (name.endsWith('config.json') ? 1 : 0);
  for (const name of (await readdir(temporary)).toSorted((a, b) => isConfig(a) - isConfig(b)))
    await rename(path.join(temporary, name), path.join(out, name));
  await rm(temporary, { recursive: true });
}

function stepOf(folder: string): number {
  return Number(/checkpoint-(\d+)$/.exec(folder)?.[1] ?? 0);
}
