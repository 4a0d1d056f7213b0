import { useBackend } from '@formers/backend';
import { matMul, randomNormal, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { simd } from '../src/index.ts';
import { runningEngine } from '../src/start.ts';

test('a second thread takes part in products', async () => {
  expect(globalThis.crossOriginIsolated).toBe(true);
  const { threads } = await useBackend(simd({ threads: 2 }));
  expect(threads).toBe(2);
  const end = performance.now() + 30_000; // a busy machine may have no core for it for a while
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

/** Tasks of this page's main thread that took more than 50 ms, while `f` runs. */
async function longTasks(f: () => Promise<unknown>): Promise<number[]> {
  const durations: number[] = [];
  const observer = new PerformanceObserver((list) =>
    durations.push(...list.getEntries().map(({ duration }) => duration)),
  );
  observer.observe({ type: 'longtask' });
  await f();
  durations.push(...observer.takeRecords().map(({ duration }) => duration));
  observer.disconnect();
  return durations;
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
  const blocked = await longTasks(async () => {
    const trained = answer<{ losses: number[] }>();
    worker.postMessage('train');
    ({ losses } = await trained);
  });
  worker.terminate();
  expect(losses).toHaveLength(30);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
  expect(blocked).toEqual([]);
});

test('long tasks are seen at all', async () => {
  const blocked = await longTasks(async () => {
    await new Promise((resolve) => {
      setTimeout(() => {
        const end = performance.now() + 80;
        while (performance.now() < end);
        setTimeout(resolve, 50);
      });
    });
  });
  expect(blocked.length).toBeGreaterThan(0);
});
