import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';

import type { families } from './families.ts';

/** What a training process has of memory after a step. */
export interface MemorySample {
  readonly step: number;
  readonly numTensors: number;
  readonly numBytes: number;
  /** Bytes of WASM's memory. */
  readonly reserved: number;
  /** Bytes of the whole process. */
  readonly resident: number;
}

/** Trains a family in a process of its own. */
export async function measureMemory(family: keyof typeof families, steps: number): Promise<MemorySample[]> {
  const script = fileURLToPath(new URL('flatness-child.ts', import.meta.url));
  const flags = ['--expose-gc', '--max-semi-space-size=1']; // V8 would give its young objects more room in between
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, family, String(steps)]);
  return JSON.parse(stdout) as MemorySample[];
}

/** Tensors, their bytes and WASM's memory are the same after each step from the first evaluation on; the process grows by no more than its allocator rounds. */
export function expectFlat(samples: readonly MemorySample[]): void {
  expect(samples.at(-1)?.step).toBe(1000);
  const settled = samples.filter(({ step }) => step > 100);
  for (const key of ['numTensors', 'numBytes', 'reserved'] as const)
    expect(new Set(settled.map((sample) => sample[key])).size, key).toBe(1);
  const resident = (from: number, to: number): number => {
    const within = samples.filter(({ step }) => step >= from && step <= to);
    return within.reduce((sum, sample) => sum + sample.resident, 0) / within.length / 2 ** 20;
  };
  expect(resident(800, 1000) - resident(200, 400), 'growth of resident memory in MiB').toBeLessThan(4);
}
