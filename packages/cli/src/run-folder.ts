import { access, constants, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { findCheckpoint } from '@formers/training';

import { UsageError } from './options.ts';

const RUN_FILE = 'run.json';

/** The config that a run was started with. @throws {@link UsageError} where there is none, or one that can't be read. */
export async function readRunConfig<Config extends { family: string }>(folder: string): Promise<Config> {
  try {
    const config = JSON.parse(await readFile(path.join(folder, RUN_FILE), 'utf8')) as Partial<Config> | null;
    if (typeof config?.family === 'string') return config as Config;
  } catch {
    // told below
  }
  throw new UsageError(`--resume: ${folder} has no ${RUN_FILE} of a run that this command made`);
}

/** @throws {@link UsageError} for a total of steps below those that a run has made. */
export function checkSteps({ steps }: { steps: number }, checkpoint: { readonly step: number } | undefined): void {
  if (checkpoint && steps < checkpoint.step)
    throw new UsageError(
      `--steps must be at least ${checkpoint.step}, as many as the run has made already, got ${steps}`,
    );
}

/** What a run trains, by the folder of the run or of one of its checkpoints; undefined where there is none. */
export async function familyOfRun(folder: string): Promise<string | undefined> {
  for (const place of [folder, path.dirname(folder)]) {
    const config = await readRunConfig<{ family: string }>(place).catch(() => undefined);
    if (config) return config.family;
  }
  return undefined;
}

/** Makes a folder, and those above it, unless they are there. Node's own way (`recursive`) never comes back from /proc and the like. */
async function makeFolder(folder: string): Promise<void> {
  if (await isFolder(folder)) return;
  const above = path.dirname(path.resolve(folder));
  if (above !== path.resolve(folder)) await makeFolder(above);
  try {
    await mkdir(folder);
  } catch (error) {
    if (!(await isFolder(folder))) throw error; // another run may have made it by now
  }
}

async function isFolder(place: string): Promise<boolean> {
  return (await stat(place).catch(() => undefined))?.isDirectory() ?? false;
}

/** Makes a folder for a run, unless it is there. @throws {@link UsageError} where that can't be. */
export async function makeRunFolder(out: string): Promise<void> {
  try {
    await makeFolder(out);
    await access(out, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--out ${out} can't be written to: ${(error as Error).message}`);
  }
}

/** Keeps the config of a run in its folder, which must be this run's. */
export async function saveRunConfig(out: string, config: object): Promise<void> {
  const temporary = path.join(out, `.tmp-${RUN_FILE}`);
  try {
    await writeFile(temporary, `${JSON.stringify(config, null, 2)}\n`, { flush: true });
    await rename(temporary, path.join(out, RUN_FILE));
  } catch (error) {
    throw new UsageError(`--out ${out} can't be written to: ${(error as Error).message}`);
  }
}

/** `checkpoints/<name>`, or with the next number that is free. */
export async function freeFolder(name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const folder = path.join('checkpoints', number === 1 ? name : `${name}-${number}`);
    const entries = await readdir(folder).catch(() => []);
    if (entries.length === 0) return folder;
  }
}

/** The newest checkpoint of a run folder; other places are models themselves. */
export async function modelFolder(location: string): Promise<string> {
  const isFile = async (name: string): Promise<boolean> =>
    (await stat(path.join(location, name)).catch(() => undefined))?.isFile() ?? false;
  if (await isFile('config.json')) return location;
  if (await isFile('adapter_config.json'))
    throw new UsageError(
      `${location} holds adapters alone: npx pnpm@12 finetune --resume ${location} --merge writes the whole model, to ${path.join(location, 'merged')}`,
    );
  if (!(await isFile('run.json'))) return location;
  return (await findCheckpoint(location)).folder;
}
