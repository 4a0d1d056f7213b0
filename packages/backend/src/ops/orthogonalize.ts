import { add, div, matMul, maximum, mul, norm, type Tensor2D, tidy, transpose } from '@tensorflow/tfjs-core';

/** Coefficients of the quintic `a x + b x³ + c x⁵` that takes singular values from 0 to about 1 fastest (Jordan 2024). */
export const NEWTON_SCHULZ: readonly [a: number, b: number, c: number] = [3.4445, -4.775, 2.0315];

/**
 * A matrix whose singular vectors are those of the given one and whose singular values all are about 1 (between 0.7 and 1.2), by Newton-Schulz iteration
 * (Jordan 2024, "Muon").
 *
 * @param options.epsilon What the norm is at least.
 */
export function orthogonalize(
  matrix: Tensor2D,
  { iterations, epsilon }: { iterations: number; epsilon: number },
): Tensor2D {
  const [a, b, c] = NEWTON_SCHULZ;
  return tidy(() => {
    const [rows, columns] = matrix.shape;
    const isTall = rows > columns;
    let x: Tensor2D = isTall ? transpose(matrix) : matrix; // [fewer, more]
    x = div(x, maximum(norm(x), epsilon));
    for (let i = 0; i < iterations; i++) {
      const gram: Tensor2D = matMul(x, x, false, true); // [fewer, fewer]
      const polynomial: Tensor2D = add(mul(gram, b), mul(matMul(gram, gram), c));
      x = add(mul(x, a), matMul(polynomial, x));
    }
    return isTall ? transpose(x) : x;
  });
}
