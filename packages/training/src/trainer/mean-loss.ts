import { withoutDropout } from '@formers/backend';
import { type Scalar, tidy } from '@tensorflow/tfjs-core';

import { Breather } from './breathe.ts';
import type { TrainingBatch } from './trainer-options.ts';

/**
 * The mean loss per token over batches, as the sum of their mean losses weighed by their tokens: exact also when batches differ in size.
 *
 * @example
 * const loss = await meanLoss(validation.sequential({ batchSize: 8 }), ({ inputs, targets }) => model.loss(inputs, targets));
 *
 * @param loss The mean over the tokens of one batch that count.
 * @returns NaN when no token counts.
 */
export async function meanLoss<Batch extends Pick<TrainingBatch, 'tokens'>>(
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  loss: (batch: Batch) => Scalar,
): Promise<number> {
  const breather = new Breather();
  let sum = 0;
  let tokens = 0;
  for await (const batch of batches) {
    const value = tidy(() => withoutDropout(() => loss(batch)));
    try {
      sum += batch.tokens * ((await value.data<'float32'>())[0] as number);
    } finally {
      value.dispose();
    }
    tokens += batch.tokens;
    await breather.breathe();
  }
  return sum / tokens;
}
