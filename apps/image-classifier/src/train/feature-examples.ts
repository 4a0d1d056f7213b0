import { RandomStream, withoutDropout } from '@formers/backend';
import { sequentialBatches } from '@formers/images';
import { type Tensor2D, tensor1d, tensor2d } from '@tensorflow/tfjs-core';

import { type ExampleBatch, type Examples, type ExamplesOptions, TEST_BATCH } from './examples.ts';
import { featuresOf, headOf } from './open-model.ts';

/** What is told and heard while features are computed. */
interface FeatureProgress {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * What a frozen encoder makes of the images, computed once: the head then learns from them without running the encoder again, hundreds of times faster.
 * Only for images that are not changed at random.
 */
export async function featureExamples(options: ExamplesOptions, progress: FeatureProgress): Promise<Examples> {
  const { images, model, learn, batchSize, seed } = options;
  const features = await computeFeatures(options, progress);
  const batchOf = (indices: readonly number[]): ExampleBatch => {
    const { dim } = model.config;
    const values = new Float32Array(indices.length * dim);
    indices.forEach((index, row) => values.set(features.subarray(index * dim, (index + 1) * dim), row * dim));
    const inputs = tensor2d(values, [indices.length, dim]);
    const labels = tensor1d(
      indices.map((index) => images.label(index)),
      'int32',
    );
    const dispose = (): void => {
      inputs.dispose();
      labels.dispose();
    };
    return { inputs, labels, tokens: indices.length, [Symbol.dispose]: dispose };
  };
  const at = endless(learn, seed);
  return {
    learn: { at: (step) => batchOf(Array.from({ length: batchSize }, (_, row) => at(step * batchSize + row))) },
    async *some(indices) {
      for (let start = 0; start < indices.length; start += TEST_BATCH) {
        using batch = batchOf([...indices.subarray(start, start + TEST_BATCH)]);
        yield batch;
      }
    },
    logits: (inputs) => headOf(model, inputs as Tensor2D),
  };
}

/** What the head gets of each image, [images, dim]. */
async function computeFeatures(
  { images, processor, model }: ExamplesOptions,
  { signal, onProgress }: FeatureProgress,
): Promise<Float32Array> {
  const { dim } = model.config;
  const features = new Float32Array(images.length * dim);
  let done = 0;
  onProgress(done, images.length);
  for await (const batch of sequentialBatches(images, { processor, batchSize: batchSizeFor(model.config.imageSize) })) {
    const found = withoutDropout(() => featuresOf(model, batch.images)); // [batch, dim]
    features.set(await found.data<'float32'>(), done * dim);
    found.dispose();
    done += batch.tokens;
    onProgress(done, images.length);
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets a stop in
    signal.throwIfAborted();
  }
  return features;
}

/** Few large images at once, so that progress is seen and a stop heard. */
function batchSizeFor([height, width]: readonly [height: number, width: number]): number {
  return height * width > 100 * 100 ? 4 : TEST_BATCH;
}

/** The numbers in an endless row of passes, each in an order of its own that depends on the seed alone. */
export function endless(numbers: Uint32Array, seed: number): (place: number) => number {
  let pass: { epoch: number; order: Uint32Array } | undefined;
  return (place) => {
    const epoch = Math.floor(place / numbers.length);
    if (pass?.epoch !== epoch)
      pass = { epoch, order: new RandomStream(seed, `shuffle.${epoch}`).shuffle(numbers.slice()) };
    return pass.order[place % numbers.length] as number;
  };
}
