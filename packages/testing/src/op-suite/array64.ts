/** An array of the references: float64 whatever the op computes in. */
export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Element of an array that is broadcast to the rank of `indices`. */
export function broadcastAt({ shape, data }: Array64, indices: readonly number[]): number {
  const skipped = indices.length - shape.length;
  const flat = shape.reduce(
    (offset, size, axis) => offset * size + (size === 1 ? 0 : (indices[axis + skipped] as number)),
    0,
  );
  return data[flat] as number;
}

/** Calls `f` for every index of a shape, in order. */
export function forEachIndex(shape: readonly number[], f: (indices: readonly number[], flat: number) => void): void {
  const size = shape.reduce((product, axis) => product * axis, 1);
  for (let flat = 0; flat < size; flat++) {
    let rest = flat;
    const indices = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      indices[axis] = rest % (shape[axis] as number);
      rest = Math.floor(rest / (shape[axis] as number));
    }
    f(indices, flat);
  }
}

/** [rows, depth] · [depth, columns], each possibly stored transposed. */
export function multiply64(
  a: Float64Array,
  b: Float64Array,
  sizes: { rows: number; columns: number; depth: number; transposeA?: boolean; transposeB?: boolean },
): Float64Array {
  const { rows, columns, depth, transposeA = false, transposeB = false } = sizes;
  const c = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < depth; k++) {
      const left = a[transposeA ? k * rows + i : i * depth + k] as number;
      for (let j = 0; j < columns; j++)
        c[i * columns + j] =
          (c[i * columns + j] as number) + left * (b[transposeB ? j * depth + k : k * columns + j] as number);
    }
  }
  return c;
}

/** The error function to float64 precision, by its series or its continued fraction (Abramowitz and Stegun 1964, 7.1.5 and 7.1.14). */
export function erf64(x: number): number {
  const z = Math.abs(x);
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
      if (n > 200) break;
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
}

/** The activations by name, in float64. */
export const activations64: Readonly<Record<'relu' | 'gelu' | 'geluTanh' | 'silu' | 'tanh', (x: number) => number>> = {
  relu: (x) => Math.max(x, 0),
  gelu: (x) => (x / 2) * (1 + erf64(x / Math.SQRT2)),
  geluTanh: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
};
