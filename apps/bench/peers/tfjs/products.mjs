import * as tf from '@tensorflow/tfjs';

import { digest, pattern } from '../../src/worker/pattern.ts';

/** Products of one set of operands, or of several in turn. */
export function prepareMatmul({ m, k, n, batch, transposeA = false, transposeB = false, operandSets = 1 }) {
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
  const results = digest(first.dataSync());
  first.dispose();
  let turn = 0;
  return {
    results,
    step: () => multiply(turn++).dispose(),
    [Symbol.dispose]: () => sets.forEach(({ a, b }) => [a, b].forEach((x) => x.dispose())),
  };
}
