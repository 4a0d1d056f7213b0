import { openFolder, readJson } from '@formers/checkpoints';
import { ImageProcessor } from '@formers/images';
import { freeze } from '@formers/training';
import { DeiTForImageClassification, TimmViT, ViTForImageClassification } from '@formers/vit';
import { reshape, slice, type Tensor, type Tensor2D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { openProcessor } from '../model/image-classifier.ts';
import type { Beginning } from './protocol.ts';
import { scratchModel, scratchProcessor, type ScratchKind } from './recipe.ts';

/** A classifier that can learn here. */
export type ImageModel = ViTForImageClassification | DeiTForImageClassification | TimmViT;

/** How a model is opened. */
export interface OpenOptions {
  readonly labels: readonly string[];
  readonly seed: number;
  /** What a model from scratch is for. */
  readonly scratch: ScratchKind;
  readonly signal: AbortSignal;
}

/** The model that a training begins with, its classes those of the visitor; what must not learn is frozen. */
export async function openModel(
  beginning: Beginning,
  { labels, seed, scratch, signal }: OpenOptions,
): Promise<{ model: ImageModel; processor: ImageProcessor }> {
  if (beginning.kind === 'scratch')
    return {
      model: new ViTForImageClassification(scratchModel(scratch, labels), { seed }),
      processor: ImageProcessor.fromConfig(scratchProcessor(scratch)),
    };
  const folder = await openFolder(beginning.source.location, { signal });
  const { model_type: type } = await readJson(folder, 'config.json');
  const Model = type === undefined ? TimmViT : type === 'deit' ? DeiTForImageClassification : ViTForImageClassification;
  const model: ImageModel = await Model.fromPretrained(folder, { newHead: true, labels, seed });
  const { processor } = await openProcessor(folder, model.config);
  if (beginning.kind === 'head') freeze(model, (path) => !path.startsWith('head.'));
  return { model, processor };
}

/** What the head gets of images: [batch, channels, height, width] to [batch, dim]. */
export function featuresOf(model: ImageModel, images: Tensor4D): Tensor2D {
  return tidy(() => {
    if (model instanceof TimmViT) return model.pool(model.encoder.call(images)) as Tensor2D;
    const hidden: Tensor = model.encoder.call(images); // [batch, tokens, dim]
    const { dim } = model.config;
    return reshape(slice(hidden, [0, 0, 0], [-1, 1, -1]), [-1, dim]) as Tensor2D; // [batch, dim], the class token
  });
}

/** What the head makes of {@link featuresOf}: [batch, dim] to [batch, classes]. */
export function headOf(model: ImageModel, features: Tensor2D): Tensor2D {
  if (!model.head) throw new Error('the model has no head');
  return model.head.call(features) as Tensor2D;
}
