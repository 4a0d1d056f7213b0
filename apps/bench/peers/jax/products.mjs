import { blockUntilReady, jit, numpy as np } from '@jax-js/jax';

import { digest, pattern } from '../../src/worker/pattern.ts';

/** Products of one set of operands, or of several in turn. */
export async function prepareMatmul({ m, k, n, batch, transposeA, transposeB, operandSets = 1 }) {
  const batches = batch === undefined ? [] : [batch];
  const make = (shape, seed) => {
    const whole = [...batches, ...shape];
    return np.array(
      pattern(
        whole.reduce((x, y) => x * y),
        { seed },
      ),
      { shape: whole },
    );
  };
  const sets = Array.from({ length: operandSets }, (_, i) => ({
    a: make(transposeA ? [k, m] : [m, k], 2 * i),
    b: make(transposeB ? [n, k] : [k, n], 2 * i + 1),
  }));
  const turned = (x, isTransposed) => (isTransposed ? np.matrixTranspose(x) : x);
  const product = jit((a, b) => np.matmul(turned(a, transposeA), turned(b, transposeB)));
  const multiply = async (i) => {
    const { a, b } = sets[i % operandSets];
    const c = product(a.ref, b.ref);
    await blockUntilReady(c);
    return c;
  };
  const results = digest(await (await multiply(0)).data());
  let turn = 0;
  return {
    results,
    step: async () => (await multiply(turn++)).dispose(),
    [Symbol.dispose]: () => sets.forEach(({ a, b }) => [a, b].forEach((x) => x.dispose())),
  };
}
