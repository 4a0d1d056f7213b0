import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { CaseResult } from './harness/cases.ts';
import type { Hello } from './harness/tasks.ts';
import { installPeers } from './install-peers.ts';
import type { BenchOptions } from './options.ts';
import { cpuPlan, gpuPlan } from './plan.ts';
import type { BenchDocument } from './report/document.ts';
import { thisMachine } from './report/machine.ts';
import { caseText } from './report/text.ts';

/** Runs the suites that the options ask for; gives what was measured so far after each case. */
export async function* measure(options: BenchOptions): AsyncGenerator<BenchDocument> {
  const start = performance.now();
  const machine = thisMachine();
  const notes: string[] = [];
  const cases: CaseResult[] = [];
  const hellos = new Map<string, Hello>();
  const say = (text: string): void => void (options.json ? process.stderr : process.stdout).write(text);
  const onNote = (text: string): void => say(`bench: ${text}\n`);
  const plan = options.engine === 'webgpu' ? await gpuPlan(options, { onNote }) : cpuPlan(options);
  await installPeers(plan.peers, { onNote });
  if (machine.load > 0.5)
    onNote(`the machine is busy (load ${machine.load.toFixed(1)}), so the figures will mean little`);
  const soFar = (missing: readonly string[]): BenchDocument => {
    const ours = [...hellos].find(([id]) => id.startsWith(plan.gpu ? 'formers-webgpu' : 'formers'))?.[1];
    const device = [...hellos].find(([id]) => id.startsWith('torch-cuda'))?.[1].note;
    return {
      date: new Date().toISOString(),
      machine,
      ...(plan.gpu && { gpu: plan.gpu }),
      versions: Object.assign({}, ...[...hellos.values()].map(({ versions }) => versions)) as Record<string, string>,
      features: ours?.note ?? '',
      ...(device && { cuda: device }),
      quick: options.quick,
      seconds: (performance.now() - start) / 1000,
      cases: [...cases],
      notes: missing.length > 0 ? [...notes, `not measured yet: ${missing.join(', ')}`] : [...notes],
    };
  };
  const folder = await mkdtemp(path.join(tmpdir(), 'formers-bench-'));
  const stop = (): never => {
    rmSync(folder, { recursive: true, force: true }); // up to a gigabyte of weights
    process.exit(130);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const context = {
      folder,
      hellos,
      onNote: (text: string) => {
        notes.push(text);
        onNote(text);
      },
    };
    for (const [i, suite] of plan.suites.entries()) {
      try {
        for await (const result of plan.run(suite, context)) {
          cases.push(result);
          say(`${caseText(result)}\n`);
          yield soFar(plan.suites.slice(i));
        }
      } catch (error) {
        if (options.suite !== 'report') throw error;
        context.onNote(`${suite} broke off: ${error instanceof Error ? error.message : String(error)}`);
        process.exitCode = 1;
      }
      yield soFar(plan.suites.slice(i + 1));
    }
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await rm(folder, { recursive: true, force: true });
  }
}
