import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';

import { findCheckpoint, nodeFileSystem, TrainingError, type TrainerEvent } from '../src/index.ts';
import { type Fault, faultyFileSystem, systemError, writeHalf } from './faulty-file-system.ts';
import { weightsOf } from './toy-model.ts';
import { collect, STEPS, temporaryFolder, toyRun } from './toy-run.ts';

/** Kinds of trouble with a disk. A short write is one that tells nobody. */
export const faultKinds = ['ENOSPC', 'EIO', 'EACCES', 'short write'] as const;
export type FaultKind = (typeof faultKinds)[number];

export const saving = { saveEvery: 2, saveLimit: 2, evalEvery: 3 };

/** How many changes of the disk a whole run makes, and the weights that it ends with. */
export async function wholeRun(): Promise<{ numChanges: number; weights: Map<string, Float32Array> }> {
  const out = await temporaryFolder();
  const fileSystem = faultyFileSystem(({ perform }) => perform());
  using run = await toyRun({ out, fileSystem, ...saving });
  await collect(run.trainer);
  await rm(out, { recursive: true });
  return { numChanges: fileSystem.numChanges, weights: weightsOf(run.model) };
}

function faultOf(kind: FaultKind, at: number, forever: boolean): Fault {
  return ({ index, name, args, perform }) => {
    if (forever ? index < at : index !== at) return perform();
    if (kind !== 'short write') return Promise.reject(systemError(kind));
    // Of files of the trainer: those of the model are checked by who writes them.
    const own = name === 'write' && !/model\.safetensors|config\.json/.test(String(args[0]));
    return own ? writeHalf(args) : perform();
  };
}

/** One run on a disk that fails at one of its changes: the error is typed, nothing is half-written, and what was told to be saved goes on to the same end. */
export async function checkFault({
  kind,
  at,
  forever,
  weights,
}: {
  kind: FaultKind;
  at: number;
  forever: boolean;
  weights: Map<string, Float32Array>;
}): Promise<void> {
  const out = await temporaryFolder();
  const events: TrainerEvent[] = [];
  const fileSystem = faultyFileSystem(faultOf(kind, at, forever));
  {
    using run = await toyRun({ out, fileSystem, ...saving });
    const error: unknown = await collect(run.trainer, (event) => events.push(event)).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (error !== undefined) {
      expect(error).toBeInstanceOf(TrainingError);
      expect(['write', 'output']).toContain((error as TrainingError).code);
      expect((error as Error).message).not.toContain('\n');
    } else {
      expect(events.at(-1)).toMatchObject({ type: 'done', step: STEPS });
    }
  }
  const names = await nodeFileSystem().list(out);
  for (const name of names.filter((name) => name.startsWith('checkpoint-'))) await findCheckpoint(join(out, name)); // each is complete
  if (!forever) expect(names.filter((name) => name.startsWith('.tmp-checkpoint'))).toEqual([]);
  await checkResume(out, { events, weights });
  await rm(out, { recursive: true });
}

/** The newest checkpoint is at least the last one that was told, and goes on to the same weights as a run that was never stopped. */
export async function checkResume(
  out: string,
  { events, weights }: { events: readonly Pick<TrainerEvent, 'type' | 'step'>[]; weights: Map<string, Float32Array> },
): Promise<void> {
  const told = Math.max(0, ...events.filter(({ type }) => type === 'checkpoint').map(({ step }) => step));
  const found = await findCheckpoint(out).catch((error: unknown) => error);
  if (found instanceof Error) expect({ found, told }).toMatchObject({ found: { code: 'no-checkpoint' }, told: 0 });
  else expect(found).toMatchObject({ skipped: [] });
  const resume = !(found instanceof Error);
  const fileSystem = faultyFileSystem(({ perform }) => perform());
  using run = await toyRun({ out, resume, fileSystem, ...saving });
  expect(run.trainer.step).toBeGreaterThanOrEqual(told);
  await collect(run.trainer);
  expect(weightsOf(run.model)).toEqual(weights);
  expect((await nodeFileSystem().list(out)).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
}
