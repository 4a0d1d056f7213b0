/** Formers' side: a process that is told on standard input what to prepare and what to time. */
import { cpu, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';

import type { Task } from '../harness/tasks.ts';
import { type OtherRequest, quietConsole, serve } from './serve.ts';
import type { TimedTask } from './timed-task.ts';

const { engine, threads, avx2, timestamps, storage } = JSON.parse(process.argv[2] ?? '{}') as {
  engine: 'simd' | 'cpu' | 'webgpu';
  threads: number;
  avx2: boolean;
  timestamps: boolean;
  storage: 'f32' | 'f16';
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
      return (await import('./infer.ts')).prepareInference(task, { freezes: storage === 'f16' });
  }
}

async function answerOther(request: OtherRequest): Promise<object> {
  if (request.request === 'memory') return (await import('./memory.ts')).measureMemory(request.task, request);
  if (request.request === 'peak') return (await import('./gpu/peak.ts')).measurePeak();
  if (request.request === 'profile' && gpu?.timer)
    return (await import('./gpu/profile.ts')).profileTraining(request.task, { ...request, timer: gpu.timer });
  if (request.request !== 'make') throw new Error('only PyTorch exports models');
  await (await import('./make-model.ts')).makeModel(request.model, request.folder);
  return {};
}

quietConsole();
const gpu = engine === 'webgpu' ? await (await import('./gpu/start.ts')).startGPU({ timestamps, storage }) : undefined;
const { features } = gpu ?? (await useBackend(engine === 'cpu' ? cpu() : simd({ threads, avx2 })));
await serve(
  {
    versions: { v8: process.versions.v8 },
    note: features.join(', '),
    ...(gpu && { gpu: { name: gpu.name, isSoftware: gpu.isSoftware } }),
  },
  { prepare, others: answerOther },
);
