import path from 'node:path';

import {
  checkSteps,
  freeFolder,
  readRunConfig,
  resumedConfig,
  resumedSession,
  type SessionOptions,
  startEngine,
  UsageError,
} from '@formers/cli';
import { findCheckpoint } from '@formers/training';

import { taskConfig } from './config.ts';
import { type FinetuneConfig, type GivenOptions, RUN_OPTIONS, type TaskConfig } from './options.ts';
import { trainTask } from './run/train-task.ts';
import { TASKS } from './tasks/tasks.ts';

/** Fine-tunes a model, or goes on with a run. Returns when all steps are made or `signal` stopped it. */
export async function finetune(asked: GivenOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const checkpoint = asked.resume === undefined ? undefined : await findCheckpoint(asked.resume);
  const found = checkpoint && (await readRunConfig<SavedRun>(path.dirname(checkpoint.folder)));
  if (found && !Object.hasOwn(TASKS, found.task))
    throw new UsageError(
      `--resume ${asked.resume}: is a run of pretrain: npx pnpm@12 pretrain --resume ${asked.resume}; to fine-tune its model: --model ${asked.resume}`,
    );
  const given = found ? resumedSession(asked, found) : asked;
  if (found && given.epochs !== undefined) throw new UsageError('--epochs is for new runs: --resume goes by --steps');
  const { session: _, ...saved } = found ?? {};
  const config = found ? resumedConfig(saved as FinetuneConfig, given, RUN_OPTIONS) : taskConfig(given);
  if (found) checkSteps(config as FinetuneConfig, checkpoint);
  const choice = await startEngine(given);
  const folder = given.out ?? (checkpoint && path.dirname(checkpoint.folder));
  const run = { given, checkpoint, choice, signal, saved: found && (config as FinetuneConfig) };
  await TASKS[config.task]({ config, checkpoint: checkpoint?.folder, signal }, async (task) =>
    trainTask(task, { config, ...run, out: folder ?? (await freeFolder(nameOf(config))) }),
  );
}

/** What `run.json` has. */
type SavedRun = FinetuneConfig & { session?: SessionOptions };

function nameOf({ model, data: [first = 'data'] }: TaskConfig): string {
  const plain = (name: string): string =>
    path
      .basename(name)
      .replace(/\.\w+$/, '')
      .replaceAll(/[^\w.-]+/g, '-');
  return `${plain(path.resolve(model))}-${plain(first)}`;
}
