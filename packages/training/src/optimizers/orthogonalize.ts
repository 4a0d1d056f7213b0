import { add, div, matMul, maximum, mul, norm, type Tensor2D, tidy, transpose } from '@tensorflow/tfjs-core';

/** Coefficients of the quintic `a x + b x³ + c x⁵` that takes singular values from 0 to about 1 fastest (Jordan 2024). */
const [A, B, C] = [3.4445, -4.775, 2.0315];

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
  return tidy(() => {
    const [rows, columns] = matrix.shape;
    const isTall = rows > columns;
    let x: Tensor2D = isTall ? transpose(matrix) : matrix; // [fewer, more]
    x = div(x, maximum(norm(x), epsilon));
    for (let i = 0; i < iterations; i++) {
      const gram: Tensor2D = matMul(x, x, false, true); // [fewer, fewer]
      const polynomial: Tensor2D = add(mul(gram, B), mul(matMul(gram, gram), C));
      x = add(mul(x, A), matMul(polynomial, x));
    }
    return isTall ? transpose(x) : x;
  });
}
