import { ConfigError, RandomStream } from '@formers/backend';

import { ImageError } from '../errors.ts';
import type { RawImage } from '../raw-image.ts';

/** Images with the classes they belong to. */
export interface ImageDataSet {
  /** How many images there are. */
  readonly length: number;
  /** Names of the classes, in order of their ids. */
  readonly labels: readonly string[];
  /** Tells this data set from others, to notice when a resumed run has another one. */
  readonly identity: string;
  /** Id of the class of an image. */
  label(index: number): number;
  image(index: number): RawImage | Promise<RawImage>;
}

/** Some of the images of a data set, in a given order. */
export function selectImages(images: ImageDataSet, indices: ArrayLike<number>): ImageDataSet {
  const at = (index: number): number => {
    const found = indices[index];
    if (found !== undefined) return found;
    throw new ConfigError(`selectImages: index must be below ${indices.length}, got ${index}`);
  };
  return {
    length: indices.length,
    labels: images.labels,
    identity: `${indices.length} of ${images.identity}, ${checksum(indices)}`,
    label: (index) => images.label(at(index)),
    image: (index) => images.image(at(index)),
  };
}

/**
 * Holds some images out for testing: a random choice that depends on the seed alone, so that every run, and everybody, has the same ones.
 *
 * @param options.test How many images.
 * @throws {@link ImageError} `data-set` when one side would be empty.
 */
export function splitImages(
  images: ImageDataSet,
  { test, seed = 0 }: { test: number; seed?: number },
): { train: ImageDataSet; test: ImageDataSet } {
  if (!(Number.isSafeInteger(test) && test >= 1 && test < images.length)) {
    throw new ImageError('data-set', `splitImages: test must be from 1 to ${images.length - 1} images, got ${test}`);
  }
  const order = new RandomStream(seed, 'split').shuffle(Uint32Array.from({ length: images.length }, (_, i) => i));
  const held = order.subarray(0, test).sort();
  const rest = order.subarray(test).sort();
  return { train: selectImages(images, rest), test: selectImages(images, held) };
}

/** FNV-1a over whole numbers, 32 bits. */
export function checksum(values: ArrayLike<number>): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ (values[i] as number), 0x01000193);
  return hash >>> 0;
}
