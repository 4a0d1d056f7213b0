/** Trains a family for so many steps on the SIMD engine, and writes what it has of memory every 20 steps: `node --expose-gc flatness-child.ts <family> <steps>`. */
import { rm } from 'node:fs/promises';
import { useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { memory, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';

import { AdamW, meanLoss, Trainer } from '../src/index.ts';
import { families } from './families.ts';
import type { MemorySample } from './flatness.ts';
import { temporaryFolder } from './toy-run.ts';

const [family, steps] = process.argv.slice(2) as [keyof typeof families, string];
await useBackend(simd({ threads: 1 }));
const { create, loss } = families[family];
using model = create();
using optimizer = new AdamW(model, { learningRate: 1e-3, clipNorm: 1 });
const out = await temporaryFolder();

/** Batches of two rows, which differ from step to step. */
function batchAt(step: number): Disposable & { ids: Tensor2D; tokens: number } {
  const ids = tensor2d(
    Int32Array.from({ length: 10 }, (_, i) => (7 * step + i * i) % 11),
    [2, 5],
  );
  return { ids, tokens: 10, [Symbol.dispose]: () => ids.dispose() };
}

const trainer = new Trainer({
  model,
  optimizer,
  data: { at: batchAt },
  loss: ({ ids }) => loss(model, ids),
  evaluate: async () => {
    using batch = batchAt(-1);
    return { loss: await meanLoss([batch], ({ ids }) => loss(model, ids)) };
  },
  steps: Number(steps),
  accumulationSteps: 2,
  evalEvery: 100,
  saveEvery: 100,
  saveLimit: 1,
  out,
});
const samples: MemorySample[] = [];
for await (const { type, step } of trainer.run()) {
  if (type !== 'step' || step % 20 !== 0) continue;
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { numTensors, numBytes, ...engine } = memory() as ReturnType<typeof memory> & { numBytesReserved: number };
  const { rss: resident, heapUsed, external } = process.memoryUsage();
  samples.push({ step, numTensors, numBytes, reserved: engine.numBytesReserved, live: heapUsed + external, resident });
}
await rm(out, { recursive: true });
console.log(JSON.stringify(samples));
