import { normalValues, randomKey, valueAndGradients, withoutTape } from '@formers/backend';
import { dispose, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

import { valuesOf } from './close.ts';

/** How {@link expectGradients} checks. */
export interface GradientCheck {
  /** How many random directions; default 5. */
  directions?: number;
  /** Length of the finite difference along a direction; default 0.05. */
  step?: number;
  /** Largest error as a share of the gradient; default 2e-3, JAX's for float32. */
  tolerance?: number;
  seed?: number;
}

/**
 * Compares the gradient of `f` with finite differences along random directions, for all of `xs` at once.
 *
 * The number that is differentiated is `sum(f(...xs) · w)` with random w, summed in float64. Differences are central and of fourth order,
 * `(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h`, so that the step can be long enough for float32.
 *
 * @param xs float32; where f isn't smooth, stay away from the kinks.
 */
export function expectGradients<Inputs extends Tensor[]>(
  f: (...xs: Inputs) => Tensor,
  xs: Inputs,
  options: GradientCheck = {},
): void {
  const { directions = 5, step = 0.05, tolerance = 2e-3, seed = 0 } = options;
  tidy(() => {
    const value = withoutTape(() => f(...xs));
    const weights = normalValues(randomKey(seed, 'output weights'), value.size);
    const outputGradient = tensor(weights, value.shape);
    const { gradients } = valueAndGradients(() => f(...xs), xs, { outputGradient });
    gradients.forEach((gradient, i) => expect(gradient.shape, `shape of gradient ${i}`).toEqual(xs[i]?.shape));

    const analytic = gradients.flatMap((gradient) => valuesOf(gradient));
    const length = Math.hypot(...analytic);
    for (let direction = 0; direction < directions; direction++) {
      const along = unit(normalValues(randomKey(seed, `direction ${direction}`), analytic.length));
      const at = (h: number): number =>
        shifted(xs, { along, h }, (moved) => dot(weights, valuesOf(withoutTape(() => f(...moved)))));
      const numeric = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
      const error = Math.abs(numeric - dot(along, analytic));
      const scale = Math.max(Math.abs(numeric), length / Math.sqrt(analytic.length));
      expect(error, `direction ${direction}: ${dot(along, analytic)} instead of ${numeric}`).toBeLessThanOrEqual(
        tolerance * scale + 1e-5,
      );
    }
  });
}

/** What `use` makes of the inputs, moved by `h` in a direction over all of their numbers. */
function shifted<Inputs extends Tensor[]>(
  xs: Inputs,
  { along, h }: { along: number[]; h: number },
  use: (moved: Inputs) => number,
): number {
  let start = 0;
  const moved = xs.map((x) => {
    const values = Float32Array.from(valuesOf(x), (value, i) => value + h * (along[start + i] as number));
    start += x.size;
    return tensor(values, x.shape);
  }) as Inputs;
  try {
    return tidy(() => use(moved)) as number;
  } finally {
    dispose(moved);
  }
}

function unit(values: Float32Array): number[] {
  const length = Math.hypot(...values);
  return Array.from(values, (value) => value / length);
}

function dot(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += (left[i] as number) * (right[i] as number);
  return sum;
}
