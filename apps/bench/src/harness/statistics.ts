/** What is said of a row of measurements. */
export interface Summary {
  /** How many measurements there are. */
  readonly count: number;
  readonly median: number;
  /** The smallest one. */
  readonly best: number;
}

/** Median (the mean of the middle two of an even count) and best of at least one measurement. */
export function summarise(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new RangeError('summarise: there must be at least one sample');
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] as number;
  const half = Math.floor(sorted.length / 2);
  return {
    count: sorted.length,
    median: sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2,
    best: at(0),
  };
}

/** The largest distance between two rows of numbers, as far as both go; NaN where one of them isn't a number. */
export function worstDifference(a: readonly number[], b: readonly number[]): number {
  const differences = a.slice(0, b.length).map((value, i) => Math.abs(value - (b[i] as number)));
  return differences.some(Number.isNaN) ? Number.NaN : Math.max(0, ...differences);
}

/** {@link worstDifference} of groups of numbers, each as a share of the largest number in its group. */
export function worstShare(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  const shares = a.map((group, i) => {
    const other = b[i] ?? [];
    if (other.length !== group.length) return Number.NaN;
    const largest = Math.max(1e-12, ...group.map(Math.abs));
    return worstDifference(group, other) / largest;
  });
  return a.length !== b.length || shares.some(Number.isNaN) ? Number.NaN : Math.max(0, ...shares);
}

/** How many measurements a contestant gets: all that are wanted, or as many as fit into its time, at least `least`. */
export function stepsWithin(
  stepTime: number,
  { wanted, milliseconds, least }: { wanted: number; milliseconds: number; least: number },
): number {
  return Math.min(wanted, Math.max(least, Math.floor(milliseconds / Math.max(stepTime, 1e-3))));
}
