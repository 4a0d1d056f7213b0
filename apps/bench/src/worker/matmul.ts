import { matMul, type Tensor, tensor } from '@tensorflow/tfjs-core';

import type { MatmulTask } from '../harness/tasks.ts';
import { digest, pattern } from './pattern.ts';
import type { TimedTask } from './timed-task.ts';
import { waitFor } from './wait-for.ts';

/** Products of one set of operands, or of several in turn. */
export function prepareMatmul({
  m,
  k,
  n,
  batch,
  transposeA = false,
  transposeB = false,
  operandSets = 1,
}: MatmulTask): TimedTask {
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
  const results = digest(first.dataSync());
  first.dispose();
  let turn = 0;
  return {
    results,
    step: () => {
      const product = multiply(turn++);
      waitFor(product);
      product.dispose();
    },
    [Symbol.dispose]: () => sets.forEach(({ a, b }) => [a, b].forEach((tensor) => tensor.dispose())),
  };
}
