import { GenerationError } from './errors.ts';

/**
 * The logarithms of the softmax of a row of logits. `-Infinity` stands for a token that is ruled out.
 *
 * Throws a {@link GenerationError} when every token is ruled out, or a logit is NaN or `Infinity`.
 */
export function logSoftmax(logits: Float64Array): Float64Array {
  let largest = -Infinity;
  let total = 0;
  for (const logit of logits) {
    if (logit > largest) {
      total = total * Math.exp(largest - logit) + 1;
      largest = logit;
    } else if (logit !== -Infinity) {
      total += Math.exp(logit - largest); // NaN stays NaN
    }
  }
  if (Number.isNaN(total) || largest === Infinity) {
    throw new GenerationError('generation: logits must not be NaN or Infinity; the model or a processor gave some');
  }
  if (largest === -Infinity)
    throw new GenerationError('generation: no token is left to choose from; all are ruled out');
  const shift = largest + Math.log(total);
  return logits.map((logit) => logit - shift);
}

/** The softmax of a row of logits. */
export function softmax(logits: Float64Array): Float64Array {
  return logSoftmax(logits).map(Math.exp);
}

/** The entropy in nats of a distribution given by the logarithms of its probabilities. */
export function entropy(logProbabilities: Float64Array): number {
  let sum = 0;
  for (const log of logProbabilities) if (log !== -Infinity) sum -= Math.exp(log) * log;
  return sum;
}

/** The index of the largest value; the lowest of equals. */
export function argmax(values: Float64Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/**
 * The indices of the `count` largest values, largest first; the lowest of equals first.
 *
 * A binary heap holds the best so far, its worst on top, so that most values cost one comparison.
 */
export function largestIndices(values: Float64Array, count: number): number[] {
  const heap: number[] = [];
  const isWorse = (a: number, b: number): boolean => {
    const [x, y] = [values[a] as number, values[b] as number];
    return x === y ? a > b : x < y;
  };
  const siftDown = (): void => {
    for (let at = 0, child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isWorse(heap[child + 1] as number, heap[child] as number)) child++;
      if (!isWorse(heap[child] as number, heap[at] as number)) return;
      [heap[at], heap[child]] = [heap[child] as number, heap[at] as number];
      at = child;
    }
  };
  for (let i = 0; i < values.length; i++) {
    if (heap.length < count) {
      let at = heap.push(i) - 1;
      for (
        let parent = (at - 1) >> 1;
        at > 0 && isWorse(heap[at] as number, heap[parent] as number);
        parent = (at - 1) >> 1
      ) {
        [heap[at], heap[parent]] = [heap[parent] as number, heap[at] as number];
        at = parent;
      }
    } else if (isWorse(heap[0] as number, i)) {
      heap[0] = i;
      siftDown();
    }
  }
  return heap.sort((a, b) => (isWorse(a, b) ? 1 : -1));
}
