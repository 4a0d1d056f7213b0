import { maskedPatches, maskingNoise } from '@formers/data';
import { sequentialBatches } from '@formers/images';
import type { Metrics } from '@formers/training';
import { ViTForMaskedImageModeling, ViTMAEForPreTraining } from '@formers/vit';
import { mul, type Scalar, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core';

import type { RunModel } from '../family.ts';
import type { ImageParts, ImageTask } from '../image-task.ts';
import { type MaskedImageBatch, MaskedImageBatches, maskedBatch, type PatchHider } from '../masked-images.ts';
import { meanOf } from '../measure.ts';
import { explainedShare, type PaintedImages, sketchPainting, tallyPixels } from '../painting.ts';
import type { VitRunConfig } from './vit.ts';

/** A ViT that learns to paint hidden patches. */
export async function paintImages(
  config: VitRunConfig,
  { data, numChannels, processor, evaluated, checkpoint }: ImageParts,
): Promise<ImageTask> {
  const { title, model, hide, lossOf, paint } = await (config.objective === 'mae'
    ? openMAE(config, { numChannels, checkpoint })
    : openSimMIM(config, { numChannels, checkpoint }));
  const batchLoss = ({ images, hidden }: MaskedImageBatch): Scalar => lossOf(images, hidden);
  return {
    title,
    model,
    data: new MaskedImageBatches(data, { hide, name: config.objective, seed: config.seed }),
    loss: (batch) => batchLoss(batch as MaskedImageBatch),
    evaluate: async (): Promise<Metrics> => {
      const { loss = Number.NaN, ...pixels } = await meanOf(heldOutBatches(), (batch) => ({
        loss: { sum: mul(batchLoss(batch), batch.tokens), count: batch.tokens },
        ...tallyPixels(batch.images, paint(batch.images, batch.hidden)),
      }));
      return { loss, explained: explainedShare(pixels) };
    },
    finish: async () => {
      for await (const { images, hidden } of heldOutBatches())
        return { text: await sketchPainting(images, () => paint(images, hidden)), facts: {} };
      return { text: '', facts: {} };
    },
    commands: ({ out }) => [
      ['fine-tune', `finetune --model ${out} --task image-classification --data <folder of images>`],
    ],
  };

  /** Images with the same patches hidden each time. */
  async function* heldOutBatches(): AsyncGenerator<MaskedImageBatch> {
    for await (const batch of sequentialBatches(evaluated, { processor, batchSize: 50 })) {
      using masked = maskedBatch(batch, { hide, seed: 0 });
      yield masked;
    }
  }
}

interface Painter {
  readonly title: string;
  readonly model: RunModel;
  readonly hide: PatchHider;
  readonly lossOf: (images: Tensor4D, hidden: Tensor2D) => Scalar;
  readonly paint: (images: Tensor4D, hidden: Tensor2D) => PaintedImages;
}

interface PainterOptions {
  readonly numChannels: number;
  readonly checkpoint: string | undefined;
}

/** The masked autoencoder, with a decoder of half the width (He et al. 2022, section 3). */
async function openMAE(
  { imageSize, patchSize, dim, numHeads, numLayers, initStd, dropout, seed }: VitRunConfig,
  { numChannels, checkpoint }: PainterOptions,
): Promise<Painter> {
  const sizes = { imageSize, patchSize, dim, numHeads, numLayers, initStd, dropout, numChannels };
  const decoder = { decoderDim: 4 * Math.ceil(dim / 8), decoderNumHeads: 2, decoderNumLayers: 2 };
  const model =
    checkpoint === undefined
      ? new ViTMAEForPreTraining({ ...sizes, ...decoder }, { seed })
      : await ViTMAEForPreTraining.fromPretrained(checkpoint);
  const numPatches = Math.floor(imageSize / patchSize) ** 2;
  return {
    title: 'ViT-MAE',
    model,
    hide: (place) => maskingNoise({ ...place, numPatches }),
    lossOf: (images, noise) => model.loss(images, { noise }),
    paint: (images, noise) => {
      const { logits, mask } = model.call(images, { noise });
      return { painted: model.toImages(logits), mask, patchSize: model.config.patchSize };
    },
  };
}

/** SimMIM: blocks of 2 x 2 patches are hidden where they fill the image, else patches. */
async function openSimMIM(
  { imageSize, patchSize, dim, numHeads, numLayers, initStd, dropout, seed }: VitRunConfig,
  { numChannels, checkpoint }: PainterOptions,
): Promise<Painter> {
  const sizes = { imageSize, patchSize, dim, numHeads, numLayers, initStd, dropout, numChannels };
  const model =
    checkpoint === undefined
      ? new ViTForMaskedImageModeling(sizes, { seed })
      : await ViTForMaskedImageModeling.fromPretrained(checkpoint);
  const side = Math.floor(imageSize / patchSize);
  const grid = { gridHeight: side, gridWidth: side, blockSize: side % 2 === 0 && side > 2 ? 2 : 1 };
  return {
    title: 'ViT (SimMIM)',
    model,
    hide: (place) => maskedPatches({ ...place, ...grid }),
    lossOf: (images, mask) => model.loss(images, { mask }),
    paint: (images, mask) => ({ painted: model.call(images, { mask }), mask, patchSize: model.config.patchSize }),
  };
}
