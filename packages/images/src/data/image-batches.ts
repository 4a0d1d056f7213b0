import { ConfigError, RandomStream } from '@formers/backend';

import type { Augmentation } from '../augmentation/augmentations.ts';
import type { ImageProcessor } from '../processor/image-processor.ts';
import { serializeProcessorConfig } from '../processor/parse-config.ts';
import type { RawImage } from '../raw-image.ts';
import { ImageBatch } from './image-batch.ts';
import type { ImageDataSet } from './image-data-set.ts';

/** Options of {@link ImageBatches}. */
export interface ImageBatchesOptions {
  processor: ImageProcessor;
  /** Images per batch. */
  batchSize: number;
  /** Default 0. */
  seed?: number;
  /** Changes of the images, one after another, before the processor; default none. */
  augment?: readonly Augmentation[];
}

/** What batches depend on; plain JSON. */
export interface ImageBatchesIdentity {
  readonly [key: string]: number | string;
  readonly seed: number;
  readonly batchSize: number;
  readonly dataSet: string;
  readonly processor: string;
  readonly augment: string;
}

/**
 * Batches for training: each image once per pass over the data, in an order that changes with the pass; a batch may end one pass and begin the next. Batch `n` depends
 * on the seed and `n` alone, so {@link at} makes any of them, and a resumed run sees what it would have seen. A source of batches for `Trainer`.
 *
 * ```ts
 * const augment = [randomAffine({ shift: 2, rotate: 10, scale: [0.9, 1.1] })];
 * const batches = new ImageBatches(train, { processor, batchSize: 64, augment });
 * using batch = await batches.at(0);
 * ```
 */
export class ImageBatches {
  /** What the batches depend on. */
  readonly identity: ImageBatchesIdentity;
  readonly #dataSet: ImageDataSet;
  readonly #processor: ImageProcessor;
  readonly #augment: readonly Augmentation[];
  #order: { epoch: number; indices: Uint32Array } | undefined;

  constructor(dataSet: ImageDataSet, { processor, batchSize, seed = 0, augment = [] }: ImageBatchesOptions) {
    checkCount('ImageBatches: the number of images', dataSet.length);
    checkCount('ImageBatches: batchSize', batchSize);
    if (!Number.isSafeInteger(seed)) throw new ConfigError(`ImageBatches: seed must be a whole number, got ${seed}`);
    this.#dataSet = dataSet;
    this.#processor = processor;
    this.#augment = augment;
    this.identity = {
      seed,
      batchSize,
      dataSet: dataSet.identity,
      processor: `${processor.backend} ${JSON.stringify(serializeProcessorConfig(processor.config))}`,
      augment: augment.map(({ identity }) => identity).join('; '),
    };
  }

  /** Batch number `step`, which the caller disposes. */
  async at(step: number): Promise<ImageBatch> {
    if (!(Number.isSafeInteger(step) && step >= 0)) {
      throw new ConfigError(`ImageBatches.at: step must be a whole number from 0, got ${step}`);
    }
    const { batchSize } = this.identity;
    const places = Array.from({ length: batchSize }, (_, row) => step * batchSize + row);
    const indices = places.map((place) => this.#indexAt(place));
    const images = await Promise.all(indices.map((index, row) => this.#augmented(index, places[row] as number)));
    const labels = indices.map((index) => this.#dataSet.label(index));
    return new ImageBatch(this.#processor.process(images), { step, labels });
  }

  /** Which image comes at a place in the endless row of passes. */
  #indexAt(place: number): number {
    const { length } = this.#dataSet;
    const epoch = Math.floor(place / length);
    if (this.#order?.epoch !== epoch) {
      const indices = Uint32Array.from({ length }, (_, i) => i);
      this.#order = { epoch, indices: new RandomStream(this.identity.seed, `shuffle.${epoch}`).shuffle(indices) };
    }
    return this.#order.indices[place % length] as number;
  }

  /** An image changed by random numbers of its place, so that each pass changes it in another way. */
  async #augmented(index: number, place: number): Promise<RawImage> {
    const random = new RandomStream(this.identity.seed, `augment.${place}`);
    let image = await this.#dataSet.image(index);
    for (const augmentation of this.#augment) image = augmentation.apply(image, random);
    return image;
  }
}

/**
 * All images once, in order and unchanged, for evaluation; the last batch may be smaller. Each batch is disposed when the next one is asked for,
 * and at the end of the loop: its body only borrows it.
 */
export async function* sequentialBatches(
  dataSet: ImageDataSet,
  { processor, batchSize }: Pick<ImageBatchesOptions, 'processor' | 'batchSize'>,
): AsyncGenerator<ImageBatch, void, undefined> {
  checkCount('sequentialBatches: batchSize', batchSize);
  for (let step = 0; step * batchSize < dataSet.length; step++) {
    const count = Math.min(batchSize, dataSet.length - step * batchSize);
    const indices = Array.from({ length: count }, (_, row) => step * batchSize + row);
    const images = await Promise.all(indices.map(async (index) => dataSet.image(index)));
    const labels = indices.map((index) => dataSet.label(index));
    using batch = new ImageBatch(processor.process(images), { step, labels });
    yield batch;
  }
}

function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new ConfigError(`${name} must be a whole number from 1, got ${value}`);
}
