import type { ImageProcessor, RawImage } from '@formers/images';
import { Tensor, type Tensor2D, tensor4d, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { refuse } from '../inputs.ts';
import { type CallOptions, runBatches, takeValues } from '../run-batches.ts';
import type { ClassifyingConfig } from '../text/reading-model.ts';
import { type LabelOptions, type LabelScore, topLabels } from './classify.ts';
import { definePipeline, type Pipeline } from './task.ts';

const TASK = 'image-classification';

/** An image: pixels, or a file as bytes, Blob, URL (`http:`, `https:`, `data:`, `blob:`), or in Node a path. */
export type ImageInput = ArrayBuffer | Blob | RawImage | string | Uint8Array;

/** How images are classified; `topK` is 5 by default. */
export interface ImageClassificationOptions extends CallOptions, LabelOptions {}

/** A model that {@link imageClassification} takes: its logits are [batch, labels]. */
export interface ImageClassifierModel {
  readonly config: ClassifyingConfig;
  call(images: Tensor4D): Tensor | { readonly logits: Tensor2D };
  dispose(): void;
}

/** Classifies images. */
export interface ImageClassificationPipeline extends Pipeline<typeof TASK, ImageClassifierModel> {
  readonly imageProcessor: ImageProcessor;
  /** The likeliest labels of an image. */
  (image: ImageInput, options?: ImageClassificationOptions): Promise<LabelScore[]>;
  /** The likeliest labels of each image. */
  (images: readonly ImageInput[], options?: ImageClassificationOptions): Promise<LabelScore[][]>;
}

/**
 * A pipeline that classifies images.
 *
 * @example
 * const classify = imageClassification({ model, imageProcessor });
 * const [{ label, score }] = await classify('seven.png');
 */
export function imageClassification({
  model,
  imageProcessor,
}: {
  /** Stays the caller's. */
  readonly model: ImageClassifierModel;
  readonly imageProcessor: ImageProcessor;
}): ImageClassificationPipeline {
  if (model.config.labels.length === 0) refuse({ where: TASK, name: 'model' }, 'a classifier', 'one without labels');
  const call = async (
    input: ImageInput | readonly ImageInput[],
    { topK = 5, functionToApply, ...options }: ImageClassificationOptions = {},
  ): Promise<LabelScore[] | LabelScore[][]> => {
    const isMany = Array.isArray(input);
    const images = (isMany ? input : [input]) as readonly ImageInput[];
    images.forEach((image, i) => checkImageInput(image, isMany ? `image[${i}]` : 'image'));
    const { config } = model;
    const found = await runBatches(images, options, async (batch) => {
      const pixels = await Promise.all(batch.map((image) => readImage(image, options.signal)));
      const { pixelValues, shape } = imageProcessor.process(pixels);
      const logits = tidy((): Tensor => {
        const output = model.call(tensor4d(pixelValues, shape));
        return output instanceof Tensor ? output : output.logits;
      });
      return topLabels(await takeValues(logits), { config, topK, functionToApply, where: TASK });
    });
    return isMany ? found : found.flat();
  };
  return definePipeline(call as ImageClassificationPipeline, { task: TASK, model, imageProcessor });
}

function checkImageInput(image: unknown, name: string): void {
  const isFile =
    typeof image === 'string' || image instanceof Blob || image instanceof ArrayBuffer || image instanceof Uint8Array;
  if (!isFile && !isPixels(image))
    refuse({ where: TASK, name }, 'a path, a URL, bytes, a Blob or { data, width, height, channels }', image);
}

function isPixels(image: unknown): image is RawImage {
  return typeof image === 'object' && image !== null && 'data' in image && 'width' in image && 'channels' in image;
}

async function readImage(image: ImageInput, signal: AbortSignal | undefined): Promise<RawImage> {
  if (isPixels(image)) return image;
  const { loadImage } = await import('@formers/images');
  if (typeof image !== 'string' || !/^(https?|data|blob):/i.test(image)) return loadImage(image);
  const response = await fetch(image, { ...(signal && { signal }) });
  if (!response.ok) return refuse({ where: TASK, name: 'image' }, 'a URL of an image', `${image} (${response.status})`);
  return loadImage(await response.blob());
}
