import { normalValues, RandomStream, randomKey } from '@formers/backend';
import { tensor, type Tensor } from '@tensorflow/tfjs-core';

/** Normal numbers with mean 0 and standard deviation `std` (default 1); the same for the same seed and shape. */
export function randomTensor<T extends Tensor = Tensor>(
  shape: readonly number[],
  { seed = 0, std = 1 }: { seed?: number; std?: number } = {},
): T {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const values = normalValues(randomKey(seed, `randomTensor ${shape.join()}`), size).map((value) => value * std);
  return tensor(values, [...shape]) as T;
}

/** Whole numbers from 0 to `bound - 1`, int32. */
export function randomIds<T extends Tensor = Tensor>(
  shape: readonly number[],
  { bound, seed = 0 }: { bound: number; seed?: number },
): T {
  const random = new RandomStream(seed, `randomIds ${shape.join()}`);
  const size = shape.reduce((product, axis) => product * axis, 1);
  return tensor(
    Int32Array.from({ length: size }, () => random.integer(bound)),
    [...shape],
    'int32',
  ) as T;
}
