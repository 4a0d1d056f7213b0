/** Formers' side: a process that is told on standard input what to prepare and what to time. */
import { cpu, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';

import type { Task } from '../harness/tasks.ts';
import { type OtherRequest, quietConsole, serve } from './serve.ts';
import type { TimedTask } from './timed-task.ts';

const { engine, threads, avx2 } = JSON.parse(process.argv[2] ?? '{}') as {
  engine: 'simd' | 'cpu';
  threads: number;
  avx2: boolean;
};

// Only what is measured is imported.
async function prepare(task: Task): Promise<TimedTask> {
  switch (task.suite) {
    case 'matmul':
      return (await import('./matmul.ts')).prepareMatmul(task);
    case 'ops':
      return (await import('./ops.ts')).prepareOp(task);
    case 'train':
      return (await import('./train.ts')).prepareTraining(task);
    case 'infer':
      return (await import('./infer.ts')).prepareInference(task);
  }
}

async function answerOther(request: OtherRequest): Promise<object> {
  if (request.request === 'memory') return (await import('./memory.ts')).measureMemory(request.task, request);
  if (request.request !== 'make') throw new Error('only PyTorch exports models');
  await (await import('./make-model.ts')).makeModel(request.model, request.folder);
  return {};
}

quietConsole();
const { features } = await useBackend(engine === 'cpu' ? cpu() : simd({ threads, avx2 }));
await serve({ versions: { v8: process.versions.v8 }, note: features.join(', ') }, { prepare, others: answerOther });
