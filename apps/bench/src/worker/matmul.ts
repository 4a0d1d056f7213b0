import { getBackend, matMul, type Tensor, tensor } from '@tensorflow/tfjs-core';

import type { MatmulTask } from '../harness/tasks.ts';
import { digest, pattern } from './pattern.ts';
import type { TimedTask } from './timed-task.ts';
import { settle, waitFor } from './wait-for.ts';

/** Products of one set of operands, or of several in turn. Each is waited for; on a GPU, all of a measurement together. */
export async function prepareMatmul({
  m,
  k,
  n,
  batch,
  transposeA = false,
  transposeB = false,
  operandSets = 1,
}: MatmulTask): Promise<TimedTask> {
  const batches = batch === undefined ? [] : [batch];
  const make = (shape: number[], seed: number): Tensor => {
    const whole = [...batches, ...shape];
    return tensor(
      pattern(
        whole.reduce((product, axis) => product * axis),
        { seed },
      ),
      whole,
    );
  };
  const sets = Array.from({ length: operandSets }, (_, i) => ({
    a: make(transposeA ? [k, m] : [m, k], 2 * i),
    b: make(transposeB ? [n, k] : [k, n], 2 * i + 1),
  }));
  const multiply = (i: number): Tensor => {
    const { a, b } = sets[i % operandSets] as (typeof sets)[number];
    return matMul(a, b, transposeA, transposeB);
  };
  const first = multiply(0);
  const results = digest(await first.data());
  first.dispose();
  let turn = 0;
  let last: Tensor | undefined;
  const isGPU = getBackend() === 'formers-webgpu';
  return {
    results,
    step: () => {
      last?.dispose();
      last = multiply(turn++);
      if (!isGPU) waitFor(last);
    },
    ...(isGPU && { settle: async () => void (last && (await settle(last))) }),
    [Symbol.dispose]: () => [last, ...sets.flatMap(({ a, b }) => [a, b])].forEach((tensor) => tensor?.dispose()),
  };
}
