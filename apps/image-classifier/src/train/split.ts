import { RandomStream } from '@formers/backend';

/** Numbers of images, in order. */
export interface Split {
  readonly learn: Uint32Array;
  readonly heldOut: Uint32Array;
}

/** One of so many images of a class is held out. */
const HELD_OUT_OF = 5;

/** No class needs more images than this to be tested. */
const MOST_HELD_OUT = 40;

/**
 * Holds a fifth of each class out for testing, 40 images at most: a random choice that depends on the seed alone. Classes with fewer than five images
 * keep all of them to learn from.
 *
 * @param labels Class of each image.
 */
export function splitByClass(labels: readonly number[], { seed }: { seed: number }): Split {
  const byClass = Map.groupBy(labels.keys(), (index) => labels[index] as number);
  const heldOut = new Set<number>();
  for (const [label, indices] of byClass) {
    const count = Math.min(MOST_HELD_OUT, Math.floor(indices.length / HELD_OUT_OF));
    const shuffled = new RandomStream(seed, `held-out.${label}`).shuffle(Uint32Array.from(indices));
    for (const index of shuffled.subarray(0, count)) heldOut.add(index);
  }
  const all = Uint32Array.from(labels.keys());
  return { learn: all.filter((index) => !heldOut.has(index)), heldOut: all.filter((index) => heldOut.has(index)) };
}

/** At most `most` of the numbers, evenly spread over them. */
export function spread(numbers: Uint32Array, most: number): Uint32Array {
  if (numbers.length <= most) return numbers;
  return Uint32Array.from({ length: most }, (_, i) => numbers[Math.floor((i * numbers.length) / most)] as number);
}
