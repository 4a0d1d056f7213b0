import * as tf from '@tensorflow/tfjs';

import { digest, pattern } from '../../src/worker/pattern.ts';

/** Products of one set of operands, or of several in turn. */
export async function prepareMatmul({ m, k, n, batch, transposeA = false, transposeB = false, operandSets = 1 }) {
  const batches = batch === undefined ? [] : [batch];
  const make = (shape, seed) => {
    const whole = [...batches, ...shape];
    return tf.tensor(
      pattern(
        whole.reduce((x, y) => x * y),
        { seed },
      ),
      whole,
    );
  };
  const sets = Array.from({ length: operandSets }, (_, i) => ({
    a: make(transposeA ? [k, m] : [m, k], 2 * i),
    b: make(transposeB ? [n, k] : [k, n], 2 * i + 1),
  }));
  const multiply = (i) => tf.matMul(sets[i % operandSets].a, sets[i % operandSets].b, transposeA, transposeB);
  const first = multiply(0);
  const results = digest(await first.data());
  first.dispose();
  let turn = 0;
  let last;
  return {
    results,
    step: () => {
      last?.dispose();
      last = multiply(turn++);
    },
    // Only the GPU goes on after an operation has returned.
    ...(tf.getBackend() === 'webgpu' && {
      settle: async () => {
        const one = tf.tidy(() => last.flatten().slice(0, 1));
        await one.data();
        one.dispose();
      },
    }),
    [Symbol.dispose]: () => [last, ...sets.flatMap(({ a, b }) => [a, b])].forEach((x) => x?.dispose()),
  };
}
