import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { GPT } from '@formers/gpt';
import { AdamW } from '@formers/training';
import { tensor2d } from '@tensorflow/tfjs-core';

import type { TrainTask } from '../harness/tasks.ts';
import type { TimedTask } from './timed-task.ts';

/** The numbers of AdamW; the peers have the same ones. */
const ADAM_W = { learningRate: 1e-3, beta1: 0.9, beta2: 0.99, weightDecay: 0.1, clipNorm: 1 } as const;

/** Training steps as a user writes them: forward, backward, clipping, AdamW, and the loss read. */
export async function prepareTraining(task: TrainTask): Promise<TimedTask> {
  const { start, dispose } = await loadTraining(task);
  const training = start();
  return {
    results: [],
    step: training.step,
    [Symbol.dispose]: () => {
      training.dispose();
      dispose();
    },
  };
}

/** The model and its batches; the optimizer comes with `start`. */
export async function loadTraining({ folder, batch, context }: TrainTask): Promise<{
  start: () => { step: () => Promise<number>; dispose: () => void };
  dispose: () => void;
}> {
  const model = await GPT.fromPretrained(folder);
  const bytes = await readFile(path.join(folder, 'batches.bin'));
  const ids = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const size = batch * context;
  const numBatches = ids.length / size / 2;
  const start = () => {
    const optimizer = new AdamW(model, ADAM_W);
    let steps = 0;
    const step = async (): Promise<number> => {
      const at = (steps++ % numBatches) * 2 * size;
      const inputs = tensor2d(ids.subarray(at, at + size), [batch, context], 'int32');
      const targets = tensor2d(ids.subarray(at + size, at + 2 * size), [batch, context], 'int32');
      const result = optimizer.minimize(() => model.loss(inputs, { targets }));
      const loss = await result.loss();
      inputs.dispose();
      targets.dispose();
      return loss;
    };
    return { step, dispose: () => optimizer.dispose() };
  };
  return { start, dispose: () => model.dispose() };
}
