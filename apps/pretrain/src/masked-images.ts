import type { ImageMaskOptions } from '@formers/data';
import type { ImageBatch, ImageBatches } from '@formers/images';
import type { BatchSource } from '@formers/training';
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';

/** Images, and what is hidden of them. Frees its tensors when disposed. */
export interface MaskedImageBatch extends Disposable {
  /** float32 [batch, channels, height, width] */
  readonly images: Tensor4D;
  /** [batch, patches]: noise or a mask, as the model wants it */
  readonly hidden: Tensor2D;
  /** How many images there are. */
  readonly tokens: number;
}

/** Chooses patches for a batch. */
export type PatchHider = (place: ImageMaskOptions) => Tensor2D;

/** A batch with patches to hide, which depend on the seed and the places of the images alone. It owns the images from now on. */
export function maskedBatch(batch: ImageBatch, { hide, seed }: { hide: PatchHider; seed: number }): MaskedImageBatch {
  const hidden = hide({ batchSize: batch.tokens, step: batch.step, seed });
  return {
    images: batch.images,
    hidden,
    tokens: batch.tokens,
    [Symbol.dispose]() {
      batch.dispose();
      hidden.dispose();
    },
  };
}

/** Batches of images with other patches hidden each time they come. */
export class MaskedImageBatches implements BatchSource<MaskedImageBatch> {
  /** What the batches depend on. */
  readonly identity: { readonly [key: string]: number | string };
  readonly #batches: ImageBatches;
  readonly #options: { hide: PatchHider; seed: number };

  constructor(batches: ImageBatches, { name, ...options }: { hide: PatchHider; seed: number; name: string }) {
    this.identity = { ...batches.identity, objective: name };
    this.#batches = batches;
    this.#options = options;
  }

  /** Batch number `step`, which the caller disposes. */
  async at(step: number): Promise<MaskedImageBatch> {
    return maskedBatch(await this.#batches.at(step), this.#options);
  }
}
