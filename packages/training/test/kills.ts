import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

import type { TrainerEvent } from '../src/index.ts';
import { checkResume } from './faults.ts';
import { temporaryFolder } from './toy-run.ts';

/** For processes that are killed: they need not compile all modules anew, once one of them came to its end. */
export const childEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  NODE_COMPILE_CACHE: join(tmpdir(), 'formers-compile-cache'),
};

export const moments = ['before', 'half', 'after'] as const;

/** A place in a run at which its process is killed. */
export interface KillPoint {
  at: number;
  moment: (typeof moments)[number];
}

/** Kills a process at a change of its disk (kill -9); what it told to be saved is there, and goes on to the same weights. */
export async function checkKill({ at, moment }: KillPoint, weights: Map<string, Float32Array>): Promise<void> {
  const out = await temporaryFolder();
  const { signal, output } = await killed([out, String(at), moment]);
  expect({ at, moment, signal }, output).toEqual({ at, moment, signal: 'SIGKILL' });
  const events = output
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Pick<TrainerEvent, 'type' | 'step'>);
  await checkResume(out, { events, weights });
  await rm(out, { recursive: true });
}

function killed(args: readonly string[]): Promise<{ signal: NodeJS.Signals | null; output: string }> {
  const script = fileURLToPath(new URL('kill-child.ts', import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], { env: childEnvironment }, (_, output, errors) =>
      resolve({ signal: child.signalCode, output: output + errors }),
    );
  });
}
