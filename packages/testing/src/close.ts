import { Tensor } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** A value passes when `|found - expected| <= atol + rtol * |expected|`. */
export interface Closeness {
  /** Default 1e-5. */
  rtol?: number;
  /** Default 1e-6. */
  atol?: number;
}

/** A tensor, its values, a number, or nested arrays of numbers. */
export type Numbers = Tensor | Float32Array | Float64Array | Int32Array | Uint8Array | NestedNumbers;

type NestedNumbers = number | readonly NestedNumbers[];

/** Compares number by number; of two tensors the shapes too. Infinite numbers must be equal, NaN never passes. */
export function expectClose(found: Numbers, expected: Numbers, { rtol = 1e-5, atol = 1e-6 }: Closeness = {}): void {
  if (found instanceof Tensor && expected instanceof Tensor) expect(found.shape).toEqual(expected.shape);
  const [left, right] = [valuesOf(found), valuesOf(expected)];
  expect(left.length, 'how many numbers').toBe(right.length);
  const wrong = right.flatMap((wanted, i) => {
    const value = left[i] as number;
    const isClose = value === wanted || Math.abs(value - wanted) <= atol + rtol * Math.abs(wanted);
    return isClose ? [] : [`[${i}] ${value} instead of ${wanted}`];
  });
  expect(wrong, `${wrong.length} of ${right.length} numbers are not close`).toEqual([]);
}

/** Compares bit by bit. */
export function expectSameBits(found: Numbers, expected: Numbers): void {
  expect(valuesOf(found)).toEqual(valuesOf(expected)); // toEqual tells -0 from 0
}

/** The numbers in order. */
export function valuesOf(numbers: Numbers): number[] {
  if (numbers instanceof Tensor) return [...numbers.dataSync()];
  if (typeof numbers === 'number') return [numbers];
  return Array.isArray(numbers)
    ? (numbers as readonly NestedNumbers[]).flatMap((item) => valuesOf(item))
    : [...(numbers as Float32Array)];
}

/** The numbers of a tensor in order, read without blocking: engines on GPUs can't always give them at once. */
export async function readValues(tensor: Tensor): Promise<number[]> {
  return [...(await tensor.data())];
}
