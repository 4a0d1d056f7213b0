import { useBackend } from '@formers/backend';
import { matMul, randomNormal, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { cdp } from 'vitest/browser';

import { simd } from '../src/index.ts';
import { runningEngine } from '../src/start.ts';

test('a second thread takes part in products', async () => {
  expect(globalThis.crossOriginIsolated).toBe(true);
  const { threads } = await useBackend(simd({ threads: 2 }));
  expect(threads).toBe(2);
  const end = performance.now() + 120_000; // a busy machine may have no core for it for a while
  let shared = 0;
  while (shared < 50 && performance.now() < end) {
    tidy(() => {
      const x: Tensor2D = randomNormal([256, 256]);
      matMul(x, x);
    });
    if (runningEngine()?.helpers === 1) shared++;
  }
  expect(shared, 'products that the worker shared').toBe(50);
});

/**
 * Share of the processor time of this page and its workers that the main thread took while `f` ran. Tasks that last long would tell of all that the machine does:
 * a busy one may stop a thread in any of them.
 */
async function shareOfMainThread(f: () => Promise<unknown>): Promise<number> {
  const session = cdp();
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const measure = async (): Promise<{ mainThread: number; all: number }> => {
    const { metrics } = await session.send('Performance.getMetrics');
    const valueOf = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    return { mainThread: valueOf('TaskDuration'), all: valueOf('ProcessTime') };
  };
  const before = await measure();
  await f();
  const after = await measure();
  return (after.mainThread - before.mainThread) / (after.all - before.all);
}

test('the page stays free while a worker trains with two threads', async () => {
  const worker = new Worker(new URL('./train-in-worker.ts', import.meta.url), { type: 'module' });
  const answer = <T>() =>
    new Promise<T>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<T>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
  const { threads } = await answer<{ threads: number }>();
  expect(threads).toBe(2);
  let losses: number[] = [];
  const share = await shareOfMainThread(async () => {
    const trained = answer<{ losses: number[] }>();
    worker.postMessage('train');
    ({ losses } = await trained);
  });
  worker.terminate();
  expect(losses).toHaveLength(30);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
  expect(share).toBeLessThan(0.25); // as one of two threads that train, it would take half
});

test('what the main thread does is seen', async () => {
  const share = await shareOfMainThread(async () => {
    await new Promise((resolve) => {
      setTimeout(() => {
        const end = performance.now() + 500;
        while (performance.now() < end);
        setTimeout(resolve);
      });
    });
  });
  expect(share).toBeGreaterThan(0.5);
});
