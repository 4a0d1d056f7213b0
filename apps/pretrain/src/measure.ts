import { crossEntropy, withoutDropout } from '@formers/backend';
import {
  argMax,
  cast,
  equal,
  type Scalar,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from '@tensorflow/tfjs-core';

/** A sum over a batch, and how many things it is over. */
export interface Tally {
  readonly sum: Scalar;
  readonly count: number;
}

/** Means over batches of what `measure` adds up in each, without dropout. Each batch is only borrowed. */
export async function meanOf<Batch>(
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  measure: (batch: Batch) => Readonly<Record<string, Tally>>,
): Promise<Record<string, number>> {
  const totals = new Map<string, { sum: number; count: number }>();
  for await (const batch of batches) {
    const counts = new Map<string, number>();
    const sums = tidy(() =>
      withoutDropout(() => {
        const tallies = Object.entries(measure(batch));
        for (const [name, { count }] of tallies) counts.set(name, count);
        return Object.fromEntries(tallies.map(([name, tally]) => [name, tally.sum]));
      }),
    );
    for (const [name, tensor] of Object.entries(sums)) {
      const [value = Number.NaN] = await tensor.data<'float32'>();
      tensor.dispose();
      const total = totals.get(name) ?? { sum: 0, count: 0 };
      totals.set(name, { sum: total.sum + value, count: total.count + (counts.get(name) ?? 0) });
    }
  }
  return Object.fromEntries(Array.from(totals, ([name, total]) => [name, total.sum / total.count]));
}

/**
 * Cross-entropy and hits of guesses.
 *
 * @param logits [..., classes]
 * @param options.targets int32 [...], -100 = doesn't count
 * @param options.count How many targets count.
 */
export function tallyGuesses(
  logits: Tensor,
  { targets, count }: { targets: Tensor1D | Tensor2D; count: number },
): { loss: Tally; accuracy: Tally } {
  const hits = sum(cast(equal(argMax(logits, -1), targets), 'float32')) as Scalar; // -100 is never equal
  return {
    loss: { sum: crossEntropy(logits, targets, { reduction: 'sum' }), count },
    accuracy: { sum: hits, count },
  };
}
