import type { Filter } from './filters.ts';

/** For each output position the input positions that it is made of, and their weights, which sum up to 1. */
export interface Windows {
  /** The first input position of each output position. */
  readonly starts: Int32Array;
  /** How many input positions each output position has. */
  readonly counts: Int32Array;
  /** Weights per output position, `stride` apart. */
  readonly weights: Float64Array;
  readonly stride: number;
}

/**
 * The windows of a resized axis, as Pillow's `precompute_coeffs` has them: where it shrinks, the filter is stretched over all
 * pixels that fall into one (antialiasing).
 */
export function resizeWindows(filter: Filter, { from, to }: { from: number; to: number }): Windows {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const stride = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Float64Array(to * stride);
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - start;
    starts[i] = start;
    counts[i] = count;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = filter.weight((start + k - center + 0.5) * (1 / stretch));
      weights[i * stride + k] = weight;
      sum += weight;
    }
    if (sum === 0) continue;
    for (let k = 0; k < count; k++) weights[i * stride + k] = (weights[i * stride + k] as number) / sum;
  }
  return { starts, counts, weights, stride };
}

/** The weights as whole numbers of `2 ** -bits`, rounded half away from 0. */
export function fixedPoint(weights: Float64Array, bits: number): Int32Array {
  return Int32Array.from(weights, (weight) => Math.trunc(weight * 2 ** bits + (weight < 0 ? -0.5 : 0.5)));
}

/** How many bits the weights may have so that the largest still fits into 16 bits: what PyTorch computes 8-bit images with. */
export function bitsFor16(weights: Float64Array): number {
  const largest = weights.reduce((most, weight) => Math.max(most, weight), 0);
  let bits = 0;
  while (bits < 22 && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 2 ** 15) bits++;
  return bits;
}
