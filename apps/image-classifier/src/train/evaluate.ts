import { crossEntropy, withoutDropout } from '@formers/backend';
import { ConfusionMatrix } from '@formers/training';
import { argMax, tidy } from '@tensorflow/tfjs-core';

import type { Examples } from './examples.ts';
import type { Tested } from './protocol.ts';

/** How a model does on some examples. */
export async function evaluate(
  examples: Examples,
  { indices, labels }: { indices: Uint32Array; labels: readonly string[] },
): Promise<Tested> {
  const confusion = new ConfusionMatrix(labels);
  let total = 0;
  for await (const batch of examples.some(indices)) {
    const [loss, predicted] = tidy(() => {
      const logits = withoutDropout(() => examples.logits(batch.inputs)); // [batch, classes]
      return [crossEntropy(logits, batch.labels), argMax(logits, 1)];
    });
    const [values, classes, actual] = await Promise.all([loss.data(), predicted.data(), batch.labels.data()]);
    total += (values[0] as number) * batch.tokens;
    actual.forEach((label, i) => confusion.add(label, classes[i] as number));
    loss.dispose();
    predicted.dispose();
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets a pause or a stop in
  }
  return { loss: total / indices.length, accuracy: confusion.accuracy, counts: confusion.counts };
}
