import { expect, test } from 'vitest';

import { TokenWindows } from '../../data/src/index.ts';
import { GPT, GPT_PRESETS } from '../../gpt/src/index.ts';
import { AdamW, Trainer } from '../../training/src/index.ts';
import { onBothEngines } from './both-engines.ts';

/** Five steps of a tiny GPT-2 with dropout, weight decay and clipping; the loss of each, and all weights after them. */
async function trained() {
  using model = new GPT({ ...GPT_PRESETS.testing, vocabSize: 23, contextLength: 12, dropout: 0.1 }, { seed: 1 });
  using optimizer = new AdamW(model, { learningRate: 1e-2, weightDecay: 0.1, clipNorm: 0.5, seed: 2 });
  const ids = Int32Array.from({ length: 200 }, (_, i) => (i * i + 3 * i) % 23);
  const losses: number[] = [];
  const trainer = new Trainer({
    ...{ model, optimizer, steps: 5, logEvery: 1 },
    data: new TokenWindows(ids, { seqLen: 12 }).batches({ batchSize: 3, seed: 4 }),
    loss: ({ inputs, targets }) => model.loss(inputs, { targets }),
    accumulationSteps: 2,
  });
  for await (const event of trainer.run()) if (event.type === 'step') losses.push(event.loss);
  const weights: [string, Float32Array][] = [];
  for (const [name, variable] of Object.entries(model.parameters()))
    weights.push([name, await variable.data<'float32'>()]);
  return { losses, weights };
}

test('a Trainer trains a tiny GPT-2 as on the CPU: losses and weights of five steps', async () => {
  const { plain, gpu } = await onBothEngines(trained);
  expect(plain.losses).toHaveLength(5);
  gpu.losses.forEach((loss, i) => expect(Math.abs(loss - plain.losses[i]!) / loss).toBeLessThan(1e-4));
  expect(gpu.losses[4]).toBeLessThan(gpu.losses[0]! - 0.05);
  expect(gpu.weights.length).toBeGreaterThan(20);
  gpu.weights.forEach(([name, values], i) => {
    const wanted = plain.weights[i]![1];
    const worst = values.reduce((most, value, j) => Math.max(most, Math.abs(value - wanted[j]!)), 0);
    expect(worst, name).toBeLessThan(1e-4);
  });
}, 120_000);
