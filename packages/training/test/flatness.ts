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
  /** Bytes of JavaScript's objects and of what they hold outside of its heap, without garbage. */
  readonly live: number;
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

/**
 * Tensors, their bytes and WASM's memory are the same after each step from the first evaluation on. Between the steps 200 to 400 and 800 to 1,000, objects that
 * live grow by less than 2 MiB (half a megabyte is what V8 learns of the code; 3.5 KB a step would be seen), and the process by less than 16 MiB: 1 to 3 are
 * usual, from compiled code and an allocator that rounds, and differ between machines (28 KB a step outside of V8's sight would be seen).
 */
export function expectFlat(samples: readonly MemorySample[]): void {
  expect(samples.at(-1)?.step).toBe(1000);
  const settled = samples.filter(({ step }) => step > 100);
  for (const key of ['numTensors', 'numBytes', 'reserved'] as const)
    expect(new Set(settled.map((sample) => sample[key])).size, key).toBe(1);
  const mean = (key: 'live' | 'resident', from: number, to: number): number => {
    const within = samples.filter(({ step }) => step >= from && step <= to);
    return within.reduce((sum, sample) => sum + sample[key], 0) / within.length / 2 ** 20;
  };
  for (const [key, most] of [
    ['live', 2],
    ['resident', 16],
  ] as const)
    expect(mean(key, 800, 1000) - mean(key, 200, 400), `growth of ${key} memory in MiB`).toBeLessThan(most);
}
