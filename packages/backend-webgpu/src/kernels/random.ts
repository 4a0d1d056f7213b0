import type { RandomKey } from '@formers/backend';

/** Rate and key of a dropout. */
export interface Dropout {
  readonly rate: number;
  readonly key: RandomKey;
}

/** The counts that {@link DROPOUT_WGSL} reads: the threshold of the 24 random bits below which a value is dropped, and the key. */
export function dropoutCounts({ rate, key }: Dropout): Record<string, number> {
  return { threshold: Math.ceil(rate * 2 ** 24), key0: key[0] >>> 0, key1: key[1] >>> 0 };
}

/** The number that {@link DROPOUT_WGSL} reads: the factor of what stays. */
export function dropoutNumbers({ rate }: Dropout): Record<string, number> {
  return { keep: 1 / (1 - rate) };
}

const rounds = (rotations: readonly number[]) =>
  rotations.map((bits) => `x += y; y = ((y << ${bits}u) | (y >> ${32 - bits}u)) ^ x;`).join(' ');
const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
];
const inject = (round: number) => `x += parts[${(round + 1) % 3}]; y += parts[${(round + 2) % 3}] + ${round + 1}u;`;

/**
 * Threefry-2x32 with 20 rounds (Salmon et al. 2011), the same bits as `uniformValues` of @formers/backend: `dropoutFactors(i)` are the factors, `u.keep` or 0, of elements
 * i to i + 3. Two elements share a counter.
 */
export const DROPOUT_WGSL: string = `
fn randomWords(counter: u32) -> vec2u {
  let parts = vec3u(u.key0, u.key1, u.key0 ^ u.key1 ^ 0x1bd11bdau);
  var x = counter + parts[0];
  var y = parts[1];
  ${[0, 1, 2, 3, 4].map((round) => `${rounds(ROTATIONS[round % 2] ?? [])}\n  ${inject(round)}`).join('\n  ')}
  return vec2u(x, y);
}
fn dropoutFactors(index: u32) -> vec4f {
  let pair = index >> 1u;
  let first = randomWords(pair);
  let second = randomWords(pair + 1u);
  var words = vec4u(first, second);
  if ((index & 1u) == 1u) { words = vec4u(first.y, second, randomWords(pair + 2u).x); }
  return select(vec4f(), vec4f(u.keep), (words >> vec4u(8u)) >= vec4u(u.threshold));
}`;
