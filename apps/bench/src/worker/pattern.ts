/**
 * Numbers in [-1, 1) that look random and are the same in every language: element i of a stream is a hash of both. The peers have the same function.
 */
export function pattern(size: number, { seed, scale = 1 }: { seed: number; scale?: number }): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => (hash(i, seed) / 2 ** 31 - 1) * scale);
}

/** Ids from 0 to below `below`, the same in every language. */
export function patternIds(size: number, { seed, below }: { seed: number; below: number }): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => hash(i, seed) % below);
}

/** A 32-bit hash by multiplications and shifts. */
function hash(i: number, seed: number): number {
  let x = Math.imul(i + Math.imul(seed + 1, 0x9e3779b1), 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0xc2b2ae35) >>> 0;
  return (x ^ (x >>> 13)) >>> 0;
}

/** What is compared between contestants: at most 64 evenly spaced numbers of an array, and the mean of all their sizes. */
export function digest(values: ArrayLike<number>): number[][] {
  const count = Math.min(64, values.length);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(Number(values[i]));
  const samples = Array.from({ length: count }, (_, i) => Number(values[Math.floor((i * values.length) / count)]));
  return [samples, [sum / values.length]];
}
