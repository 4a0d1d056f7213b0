import { readFileSync, writeFileSync } from 'node:fs';

import { backend, getBackend } from '@tensorflow/tfjs-core';

import type { MemoryUse, TrainTask } from '../harness/tasks.ts';
import { loadTraining, prepareTraining } from './train.ts';

/** What steps of training add to the resident memory of the process that holds the model (Linux only), or to the memory that it uses of a GPU. */
export async function measureMemory(
  task: TrainTask,
  { steps, warmUp }: { steps: number; warmUp?: TrainTask },
): Promise<MemoryUse> {
  if (warmUp) {
    using small = await prepareTraining(warmUp);
    for (let i = 0; i < steps; i++) await small.step();
  }
  const { start } = await loadTraining(task);
  if (getBackend() === 'formers-webgpu') return measureGPUMemory(start().step, steps);
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const idle = resident('VmRSS');
  writeFileSync('/proc/self/clear_refs', '5'); // the high-water mark starts anew
  const { step } = start();
  for (let i = 0; i < steps; i++) await step();
  return { idle, peak: resident('VmHWM') };
}

/** The most bytes in use at once, of all buffers, weights included: noted whenever one is taken. */
async function measureGPUMemory(step: () => Promise<number>, steps: number): Promise<MemoryUse> {
  const { bufferManager: pool } = backend() as unknown as { bufferManager: Pool };
  let peak = 0;
  const { acquireBuffer } = pool;
  pool.acquireBuffer = (...values) => {
    const buffer = acquireBuffer.apply(pool, values);
    peak = Math.max(peak, pool.numBytesUsed);
    return buffer;
  };
  for (let i = 0; i < steps; i++) await step();
  return { idle: 0, peak };
}

/** What the engine's pool of buffers is asked. */
interface Pool {
  readonly numBytesUsed: number;
  acquireBuffer: (...values: unknown[]) => unknown;
}

/** A line of the process's status, in bytes. */
function resident(field: 'VmRSS' | 'VmHWM'): number {
  const kilobytes = new RegExp(String.raw`^${field}:\s+(\d+) kB$`, 'm').exec(
    readFileSync('/proc/self/status', 'utf8'),
  )?.[1];
  return Number(kilobytes) * 1024;
}
