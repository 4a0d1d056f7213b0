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
const RUN_FILES: ReadonlySet<string> = new Set(['optimizer.safetensors', 'trainer_state.json', 'manifest.json']);

/**
 * Puts the best checkpoint of a finished run into the run's folder, as a Hugging Face folder (or one of PEFT), and evaluates it once more, in full.
 *
 * @param options.merge Also write the folder `merged`: the whole model, adapters included.
 */
export async function keepBest<Model extends TaskModel, Batch extends TrainingBatch>(
  task: ReadyTask<Model, Batch>,
  { config, out, newest, merge }: { config: TaskConfig; out: string; newest: string | undefined; merge: boolean },
): Promise<BestModel> {
  if (newest === undefined) throw new Error('keepBest: a finished run has a checkpoint');
  const folder = await bestCheckpoint(newest);
  using model = await task.open(folder);
  using adapters = config.lora ? await openAdapters(model, { config, checkpoint: folder }) : undefined;
  const evaluation = await task.evaluate(model, { isLast: true });
  await putInPlace(folder, out);
  if (adapters && merge) {
    const merged = path.join(out, 'merged');
    adapters.merge();
    await model.savePretrained(merged);
    await task.saveProcessor(merged);
  }
  return { ...evaluation, step: stepOf(folder) };
}

/** The best checkpoint, as the newest one's trainer_state.json names it. */
async function bestCheckpoint(newest: string): Promise<string> {
  const state = JSON.parse(await readFile(path.join(newest, 'trainer_state.json'), 'utf8')) as {
    best_model_checkpoint?: string | null;
  };
  const { best_model_checkpoint: best } = state;
  return best ? path.join(path.dirname(newest), path.basename(best)) : newest;
}

/** Copies the files of a model; each appears whole, and config.json last: without it the folder is none of a model. */
async function putInPlace(from: string, out: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => !RUN_FILES.has(name));
  const temporary = path.join(out, '.tmp-best');
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  for (const name of names) await copyFile(path.join(from, name), path.join(temporary, name));
  const isConfig = (name: string): number => (name.endsWith('config.json') ? 1 : 0);
  for (const name of names.toSorted((a, b) => isConfig(a) - isConfig(b)))
    await rename(path.join(temporary, name), path.join(out, name));
  await rm(temporary, { recursive: true });
}

function stepOf(folder: string): number {
  return Number(/checkpoint-(\d+)$/.exec(folder)?.[1] ?? 0);
}
