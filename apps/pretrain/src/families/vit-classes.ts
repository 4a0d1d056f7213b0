import { crossEntropy } from '@formers/backend';
import { type ImageBatch, type ImageDataSet, type ImageProcessor, sequentialBatches } from '@formers/images';
import { ConfusionMatrix } from '@formers/training';
import { ViTForImageClassification } from '@formers/vit';
import { argMax, tidy } from '@tensorflow/tfjs-core';

import type { ImageParts, ImageTask } from '../image-task.ts';
import type { VitRunConfig } from './vit.ts';

/** A ViT that learns the classes of images. */
export async function classifyImages(
  { imageSize, patchSize, dim, numHeads, numLayers, initStd, dropout, seed, labelSmoothing }: VitRunConfig,
  { data, labels, numChannels, processor, evaluated, checkpoint }: ImageParts,
): Promise<ImageTask> {
  const sizes = { imageSize, patchSize, dim, numHeads, numLayers, initStd, dropout, numChannels };
  const model =
    checkpoint === undefined
      ? new ViTForImageClassification({ ...sizes, labels: [...labels] }, { seed })
      : await ViTForImageClassification.fromPretrained(checkpoint);
  let confusion = new ConfusionMatrix(labels);
  return {
    title: 'ViT',
    model,
    data,
    loss: (batch) => {
      const { images, labels: classes } = batch as ImageBatch;
      return crossEntropy(model.call(images), classes, { labelSmoothing });
    },
    evaluate: async () => {
      const tested = await evaluate(model, { images: evaluated, processor });
      confusion = tested.confusion;
      return { loss: tested.loss, accuracy: confusion.accuracy };
    },
    finish: async () => {
      const accuracy = `accuracy    ${(100 * confusion.accuracy).toFixed(2)} % of the held-out images`;
      return { text: `${confusion.toString()}\n\n${accuracy}`, facts: { confusion: confusion.counts } };
    },
    commands: ({ out }) => [['classify', `classify --model ${out} <image files>`]],
  };
}

/** What the model makes of held-out images. */
async function evaluate(
  model: ViTForImageClassification,
  { images, processor }: { images: ImageDataSet; processor: ImageProcessor },
): Promise<{ loss: number; confusion: ConfusionMatrix }> {
  const confusion = new ConfusionMatrix(images.labels);
  let total = 0;
  for await (const { images: pixels, labels, tokens } of sequentialBatches(images, { processor, batchSize: 100 })) {
    const [loss, predicted] = tidy(() => {
      const logits = model.call(pixels); // [batch, labels]
      return [crossEntropy(logits, labels), argMax(logits, 1)];
    });
    const [values, classes, actual] = await Promise.all([loss.data(), predicted.data(), labels.data()]);
    total += (values[0] as number) * tokens;
    actual.forEach((label, i) => confusion.add(label, classes[i] as number));
    loss.dispose();
    predicted.dispose();
  }
  return { loss: total / images.length, confusion };
}
