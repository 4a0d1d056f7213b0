import path from 'node:path';

import { freeFolder, readRunConfig, resumedConfig, startEngine } from '@formers/cli';
import { findCheckpoint } from '@formers/training';

import { taskConfig } from './config.ts';
import { type FinetuneConfig, type GivenOptions, RUN_OPTIONS, type TaskConfig } from './options.ts';
import { trainTask } from './run/train-task.ts';
import { TASKS } from './tasks/tasks.ts';

/** Fine-tunes a model, or goes on with a run. Returns when all steps are made or `signal` stopped it. */
export async function finetune(given: GivenOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const checkpoint = given.resume === undefined ? undefined : await findCheckpoint(given.resume);
  const saved = checkpoint && (await readRunConfig<FinetuneConfig>(path.dirname(checkpoint.folder)));
  const config = saved ? resumedConfig(saved, given, RUN_OPTIONS) : taskConfig(given);
  const choice = await startEngine(given);
  const out = given.out ?? (checkpoint ? path.dirname(checkpoint.folder) : await freeFolder(nameOf(config)));
  const run = { given, out, checkpoint, choice, signal, saved: saved && { ...saved, ...config } };
  await TASKS[config.task]({ config, checkpoint: checkpoint?.folder, signal }, (task) =>
    trainTask(task, { config, ...run }),
  );
}

function nameOf({ model, data: [first = 'data'] }: TaskConfig): string {
  const plain = (name: string): string =>
    path
      .basename(name)
      .replace(/\.\w+$/, '')
      .replaceAll(/[^\w.-]+/g, '-');
  return `${plain(path.resolve(model))}-${plain(first)}`;
}
