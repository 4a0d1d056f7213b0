import { checkPairs, sum } from './confusion-matrix.ts';

/** How many tokens a language model hesitates between: `e` to the power of its loss in nats. */
export function perplexity(loss: number): number {
  return Math.exp(loss);
}

/** Share of the predictions that are right. */
export function accuracy(predicted: ArrayLike<unknown>, actual: ArrayLike<unknown>): number {
  checkPairs('accuracy', predicted, actual);
  return sum(Array.from(actual, (value, i) => Number(value === predicted[i]))) / actual.length;
}

/** The linear correlation of two series of numbers, -1 to 1; NaN where one of them is constant. */
export function pearson(predicted: ArrayLike<number>, actual: ArrayLike<number>): number {
  checkPairs('pearson', predicted, actual);
  const [a, b] = [deviations(predicted), deviations(actual)];
  const dot = (x: number[], y: number[]): number => sum(x.map((value, i) => value * (y[i] as number)));
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The correlation of the ranks of two series; equal numbers share the mean of their ranks. */
export function spearman(predicted: ArrayLike<number>, actual: ArrayLike<number>): number {
  checkPairs('spearman', predicted, actual);
  return pearson(ranks(predicted), ranks(actual));
}

function deviations(values: ArrayLike<number>): number[] {
  const mean = sum(Array.from(values)) / values.length;
  return Array.from(values, (value) => value - mean);
}

function ranks(values: ArrayLike<number>): number[] {
  const sorted = Array.from(values).sort((a, b) => a - b);
  const first = new Map<number, number>();
  sorted.forEach((value, i) => first.has(value) || first.set(value, i));
  const last = new Map(sorted.map((value, i) => [value, i]));
  return Array.from(values, (value) => ((first.get(value) as number) + (last.get(value) as number)) / 2);
}
