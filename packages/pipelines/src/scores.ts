import { ValueError } from '@formers/backend';

/** How logits become scores. */
export type ScoreFunction = 'softmax' | 'sigmoid' | 'none';

/** The probabilities of classes that exclude each other. */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const highest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = values.map((value) => Math.exp(value - highest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** The probabilities of classes that don't exclude each other. */
export function sigmoid(logits: ArrayLike<number>): number[] {
  return Array.from(logits, (value) => 1 / (1 + Math.exp(-value)));
}

/** Logits as scores. */
export function scoresOf(logits: ArrayLike<number>, apply: ScoreFunction): number[] {
  switch (apply) {
    case 'softmax':
      return softmax(logits);
    case 'sigmoid':
      return sigmoid(logits);
    case 'none':
      return Array.from(logits);
    default:
      throw new ValueError(`functionToApply must be softmax, sigmoid or none, got ${JSON.stringify(apply)}`);
  }
}

/** The places of the largest values, the largest first; of equal ones the first. */
export function largest(values: readonly number[], count: number): number[] {
  const order = (a: number, b: number): number => (values[b] as number) - (values[a] as number) || a - b;
  if (count > FEW) return [...values.keys()].sort(order).slice(0, count);
  const best: number[] = [];
  for (const place of values.keys()) {
    const last = best[count - 1];
    if (last !== undefined && order(last, place) < 0) continue;
    const at = best.findIndex((other) => order(place, other) < 0);
    best.splice(at < 0 ? best.length : at, 0, place);
    if (best.length > count) best.pop();
  }
  return best;
}

/** So few that they needn't be sorted among all. */
const FEW = 100;
