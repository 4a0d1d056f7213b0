import { type Tensor1D, tensor1d, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';

import type { PixelValues } from '../processor/image-processor.ts';

/** Some images as tensors, with what they show. Frees both tensors when disposed. */
export class ImageBatch implements Disposable {
  /** Number of the batch, from 0. */
  readonly step: number;
  /** float32 [batch, channels, height, width] */
  readonly images: Tensor4D;
  /** int32 [batch]: ids of classes */
  readonly labels: Tensor1D;
  /** How many images there are; what a trainer counts. */
  readonly tokens: number;

  constructor({ pixelValues, shape }: PixelValues, { step, labels }: { step: number; labels: readonly number[] }) {
    this.step = step;
    this.images = tensor4d(pixelValues, shape);
    this.labels = tensor1d([...labels], 'int32');
    this.tokens = labels.length;
  }

  /** Frees the tensors. Safe to call twice. */
  dispose(): void {
    this.images.dispose();
    this.labels.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
