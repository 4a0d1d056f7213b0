import type { KernelTime, Profile, TrainTask } from '../../harness/tasks.ts';
import { prepareTraining } from '../train.ts';
import type { KernelTimer } from './kernel-timer.ts';

/** Time of each kernel in a step of training: the median step of `steps`, by the sum of its kernels, after as many that don't count. */
export async function profileTraining(
  task: TrainTask,
  { steps, timer }: { steps: number; timer: KernelTimer },
): Promise<Profile> {
  using training = await prepareTraining(task);
  for (let i = 0; i < steps; i++) await training.step();
  await timer.read();
  const profiles: KernelTime[][] = [];
  for (let i = 0; i < steps; i++) {
    await training.step();
    profiles.push(await timer.read());
  }
  const total = (kernels: readonly KernelTime[]): number =>
    kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const sorted = profiles.toSorted((a, b) => total(a) - total(b));
  return { kernels: sorted[Math.floor(steps / 2)] ?? [] };
}
