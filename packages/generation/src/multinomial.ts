import type { RandomStream } from '@formers/backend';

/**
 * Draws indices by their weights, `count` different ones where as many have a weight above 0. Uses one random number for each.
 *
 * @param weights Not negative; need not add up to 1.
 */
export function drawWithoutReplacement(
  weights: Float64Array,
  { count, random }: { count: number; random: RandomStream },
): number[] {
  const left = weights.slice();
  const drawn: number[] = [];
  while (drawn.length < count) {
    const index = draw(left, random);
    if (index === undefined) break;
    drawn.push(index);
    left[index] = 0;
  }
  return drawn;
}

/** Draws an index by its weight; undefined where all weights are 0. */
export function draw(weights: Float64Array, random: RandomStream): number | undefined {
  let total = 0;
  for (const weight of weights) total += weight;
  let left = random.uniform() * total;
  let last: number | undefined;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (weight === 0) continue;
    last = i; // also what rounding leaves over
    left -= weight;
    if (left < 0) break;
  }
  return last;
}
