import type { Augmentation, ImageDataSet, ImageProcessor } from '@formers/images';
import { ImageBatches, selectImages, sequentialBatches } from '@formers/images';
import type { BatchSource } from '@formers/training';
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';

import type { ImageModel } from './open-model.ts';

/** Labelled inputs of what learns: images, or what a frozen encoder makes of them. */
export interface ExampleBatch extends Disposable {
  /** [batch, ...] */
  readonly inputs: Tensor;
  /** int32 [batch] */
  readonly labels: Tensor1D;
  /** How many there are. */
  readonly tokens: number;
}

/** What a model learns from, and how it answers. */
export interface Examples {
  /** Batches to learn from, by number. */
  readonly learn: BatchSource<ExampleBatch>;
  /** Given examples once, in order; each batch lives until the next. */
  some(indices: Uint32Array): AsyncIterable<Omit<ExampleBatch, typeof Symbol.dispose>>;
  /** [batch, classes] */
  logits(inputs: Tensor): Tensor2D;
}

/** How examples are made. */
export interface ExamplesOptions {
  readonly images: ImageDataSet;
  readonly processor: ImageProcessor;
  readonly model: ImageModel;
  /** Numbers of the images to learn from. */
  readonly learn: Uint32Array;
  readonly batchSize: number;
  readonly seed: number;
}

/** Images per batch where nothing is learned. */
export const TEST_BATCH = 32;

/** The images themselves, changed at random by the augmentations. */
export function imageExamples({
  images,
  processor,
  model,
  learn,
  batchSize,
  seed,
  augment,
}: ExamplesOptions & { readonly augment: readonly Augmentation[] }): Examples {
  const batches = new ImageBatches(selectImages(images, learn), { processor, batchSize, seed, augment });
  return {
    learn: {
      at: async (step) => {
        const batch = await batches.at(step);
        return {
          inputs: batch.images,
          labels: batch.labels,
          tokens: batch.tokens,
          [Symbol.dispose]: () => batch.dispose(),
        };
      },
    },
    async *some(indices) {
      for await (const batch of sequentialBatches(selectImages(images, indices), { processor, batchSize: TEST_BATCH }))
        yield { inputs: batch.images, labels: batch.labels, tokens: batch.tokens };
    },
    logits: (inputs) => model.call(inputs as Tensor4D) as Tensor2D,
  };
}
