import { DeviceLostError } from '@formers/backend';

import { TrainingError } from '../errors.ts';
import { type FileSystem, joinPath, messageOf, nodeFileSystem, splitPath } from './file-system.ts';
import { verifyManifest, writeManifest } from './manifest.ts';

/** A complete checkpoint of a run. */
export interface RunCheckpoint {
  /** `<run folder>/checkpoint-<step>`: a model folder with the state of the run. */
  readonly folder: string;
  readonly step: number;
}

/** What {@link findCheckpoint} found on its way. */
export interface FoundCheckpoint extends RunCheckpoint {
  /** Newer folders that are incomplete or damaged, and why. */
  readonly skipped: readonly { readonly folder: string; readonly reason: string }[];
}

/** Options of {@link writeCheckpoint}. */
export interface WriteCheckpointOptions {
  step: number;
  /** Writes the files into the folder that it is given. */
  write: (folder: string) => Promise<void>;
  /** How many checkpoints stay, the newest ones; default all. */
  saveLimit?: number | undefined;
  /** Step of one that stays in any case: the best. */
  keepStep?: number | undefined;
  fileSystem?: FileSystem;
}

const TEMPORARY = '.tmp-';

/**
 * Writes `checkpoint-<step>` so that, whatever happens, a folder of this name is complete: files go to `.tmp-checkpoint-<step>` and are flushed to the
 * disk, a manifest with their hashes comes last, then the folder gets its name.
 *
 * @throws {@link TrainingError} `write` when the disk refuses, the engine's own error when it lost its device; then nothing of it stays.
 */
export async function writeCheckpoint(
  out: string,
  { step, write, saveLimit, keepStep, fileSystem = nodeFileSystem() }: WriteCheckpointOptions,
): Promise<RunCheckpoint> {
  const name = checkpointName(step);
  const folder = joinPath(out, name);
  const temporary = joinPath(out, TEMPORARY + name);
  try {
    await fileSystem.remove(temporary);
    await fileSystem.makeFolder(temporary);
    await write(temporary);
    await writeManifest(temporary, { step, fileSystem });
    await discard(out, { names: (await fileSystem.list(out)).filter((other) => other === name), fileSystem });
    await fileSystem.rename(temporary, folder);
    await fileSystem.sync(out);
    const steps = (await listSteps(out, fileSystem)).filter((other) => other !== step && other !== keepStep);
    const surplus = saveLimit === undefined ? [] : steps.slice(Math.max(0, saveLimit - 1));
    await discard(out, { names: surplus.map(checkpointName), fileSystem });
  } catch (cause) {
    await fileSystem.remove(temporary).catch(() => undefined); // the disk is in trouble: its first complaint is the one to tell
    if (TrainingError.isInstance(cause) || DeviceLostError.isInstance(cause)) throw cause;
    throw new TrainingError('write', `${folder}: the checkpoint could not be written: ${messageOf(cause)}`, { cause });
  }
  return { folder, step };
}

/**
 * The newest complete checkpoint of a run. Changes nothing, so that it is safe beside a run that is writing.
 *
 * @param path A run folder, or one `checkpoint-<step>` in it, which then is the only candidate.
 * @throws {@link TrainingError} `no-checkpoint`, `damaged`
 */
export async function findCheckpoint(
  path: string,
  { fileSystem = nodeFileSystem() }: { fileSystem?: FileSystem } = {},
): Promise<FoundCheckpoint> {
  if (stepOf(splitPath(path).name) !== undefined)
    return { folder: path, step: await verifyManifest(path, { fileSystem }), skipped: [] };
  const skipped: { folder: string; reason: string }[] = [];
  const steps = await listSteps(path, fileSystem).catch((cause: unknown) => {
    throw new TrainingError('no-checkpoint', `${path}: cannot be read: ${messageOf(cause)}`, { cause });
  });
  for (const step of steps) {
    const folder = joinPath(path, checkpointName(step));
    try {
      return { folder, step: await verifyManifest(folder, { fileSystem }), skipped };
    } catch (error) {
      skipped.push({ folder, reason: messageOf(error) });
    }
  }
  const isThere = await fileSystem.files(path).then(
    () => true,
    () => false,
  );
  if (!isThere) throw new TrainingError('no-checkpoint', `${path}: there is no such folder`);
  const reasons = skipped.map(({ reason }) => `; ${reason}`).join('');
  throw new TrainingError('no-checkpoint', `${path}: has no complete checkpoint${reasons}`);
}

/**
 * Makes a run folder ready: it is there and can be written to, and what a killed run left half-written is gone.
 *
 * @param options.resumedStep Step of the checkpoint in this folder that the run goes on from. Later ones get `superseded-` in front of their names: what the
 * run writes next is newer. Undefined for a new run, which refuses a folder with checkpoints, unless `overwrite` drops them.
 * @throws {@link TrainingError} `output`
 */
export async function prepareRunFolder(
  out: string,
  {
    resumedStep,
    overwrite,
    fileSystem,
  }: { resumedStep: number | undefined; overwrite: boolean; fileSystem: FileSystem },
): Promise<void> {
  try {
    await fileSystem.makeFolder(out);
    const probe = joinPath(out, `${TEMPORARY}probe`);
    await fileSystem.write(probe, new Uint8Array());
    for (const name of await fileSystem.list(out)) {
      if (name.startsWith(TEMPORARY)) await fileSystem.remove(joinPath(out, name));
    }
    const names = (await listSteps(out, fileSystem)).filter((step) => step > (resumedStep ?? -1)).map(checkpointName);
    if (resumedStep !== undefined) await supersede(out, { names, fileSystem });
    else if (overwrite) await discard(out, { names, fileSystem });
    else if (names.length > 0) {
      throw new TrainingError(
        'output',
        `${out}: holds checkpoints of another run (${names.join(', ')}); resume it, or choose another folder`,
      );
    }
  } catch (cause) {
    if (TrainingError.isInstance(cause)) throw cause;
    throw new TrainingError('output', `${out}: cannot be used as output folder: ${messageOf(cause)}`, { cause });
  }
}

/** Name of the folder of a step. */
export function checkpointName(step: number): string {
  return `checkpoint-${step}`;
}

/** Whether there is a folder of a step. */
export async function hasCheckpoint(
  out: string,
  { step, fileSystem }: { step: number; fileSystem: FileSystem },
): Promise<boolean> {
  return (await fileSystem.list(out)).includes(checkpointName(step));
}

async function supersede(
  out: string,
  { names, fileSystem }: { names: readonly string[]; fileSystem: FileSystem },
): Promise<void> {
  for (const name of names) {
    const aside = joinPath(out, `superseded-${name}`);
    await fileSystem.remove(aside);
    await fileSystem.rename(joinPath(out, name), aside);
  }
}

/** Removes checkpoints. They lose their name first, as removing takes many calls. */
async function discard(
  out: string,
  { names, fileSystem }: { names: readonly string[]; fileSystem: FileSystem },
): Promise<void> {
  for (const name of names) {
    const removed = joinPath(out, `${TEMPORARY}removed-${name}`);
    await fileSystem.remove(removed);
    await fileSystem.rename(joinPath(out, name), removed);
    await fileSystem.remove(removed);
  }
}

/** Steps of the checkpoints by name, the newest first. */
async function listSteps(out: string, fileSystem: FileSystem): Promise<number[]> {
  const steps = (await fileSystem.list(out)).map(stepOf);
  return steps.filter((step) => step !== undefined).sort((a, b) => b - a);
}

function stepOf(name: string): number | undefined {
  const digits = /^checkpoint-(\d{1,15})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
