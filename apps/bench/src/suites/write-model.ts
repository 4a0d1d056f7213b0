import { mkdir } from 'node:fs/promises';

import { type Contestant, torch } from '../harness/contestants.ts';
import type { ProcessPool } from '../harness/process-pool.ts';
import type { InferModel, Request } from '../harness/tasks.ts';
import { WorkerError } from '../harness/worker-process.ts';

/** Writes a model with random weights, and its ONNX file for onnxruntime. What can't be written is told of; its contestants will be absent. */
export async function writeModel(
  model: InferModel,
  {
    folder,
    length,
    maker,
    isOnnxToo,
    pool,
    onNote,
  }: {
    folder: string;
    /** Tokens of the forward pass that is exported. */
    length: number;
    maker: Contestant;
    isOnnxToo: boolean;
    pool: ProcessPool;
    onNote: (text: string) => void;
  },
): Promise<void> {
  const attempt = async (
    what: string,
    worker: Contestant,
    request: Extract<Request, { request: 'make' | 'export' }>,
  ) => {
    try {
      await (await pool.worker(worker)).ask(request);
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      onNote(`${model}: no ${what}: ${error.message}`);
    }
    await pool.stop(worker);
  };
  await mkdir(folder, { recursive: true });
  await attempt('weights', maker, { request: 'make', model, folder });
  if (!isOnnxToo) return;
  const task = { suite: 'infer', model, folder, mode: 'forward', length } as const;
  await attempt('ONNX file', { ...torch(2), id: 'torch-export' }, { request: 'export', task });
}
