import path from 'node:path';

import { crossEntropy } from '@formers/backend';
import type { JsonObject } from '@formers/checkpoints';
import {
  count,
  createReporter,
  describeEngine,
  duration,
  followRun,
  freeFolder,
  grouped,
  readRunConfig,
  saveRunConfig,
  scheduleOf,
  startEngine,
} from '@formers/cli';
import {
  ImageBatches,
  type ImageDataSet,
  ImageProcessor,
  randomAffine,
  selectImages,
  sequentialBatches,
} from '@formers/images';
import { AdamW, findCheckpoint, Trainer } from '@formers/training';
import { ViTForImageClassification } from '@formers/vit';
import { argMax, tidy } from '@tensorflow/tfjs-core';

import { ConfusionMatrix } from './confusion.ts';
import { loadImages } from './image-sets.ts';
import { type GivenVitOptions, resumedVitConfig, type VitRunConfig, vitRunConfig } from './vit-options.ts';

/** Held-out images that an engine in plain JavaScript looks at; others look at all. */
const SLOW_EVALUATION = 200;

/** Trains a Vision Transformer to classify, from scratch, or goes on with a run. Returns when all steps are made or `signal` stopped it. */
export async function pretrainVit(given: GivenVitOptions, { signal }: { signal: AbortSignal }): Promise<void> {
  const checkpoint = given.resume === undefined ? undefined : await findCheckpoint(given.resume);
  const choice = await startEngine(given);
  const isSlow = choice.name === 'cpu';
  const config = checkpoint
    ? resumedVitConfig(await readRunConfig(path.dirname(checkpoint.folder)), given)
    : vitRunConfig(given, { isSlow });
  const report = createReporter({ ...given, steps: config.steps, unit: 'images' });

  const { name, train, test } = await loadImages(config);
  const isGrey = (await train.image(0)).channels === 1;
  const processor = checkpoint
    ? await ImageProcessor.fromPretrained(checkpoint.folder)
    : createProcessor(config, isGrey);
  const { batchSize, accumulationSteps, seed, steps, shift, rotate, scale, beta2, weightDecay, clipNorm } = config;
  const augment = [randomAffine({ shift, rotate, scale: [1 - scale, 1 + scale] })];
  const data = new ImageBatches(train, { processor, batchSize, seed, augment });
  const out =
    given.out ??
    (checkpoint
      ? path.dirname(checkpoint.folder)
      : await freeFolder(`vit-${path.basename(config.images ?? config.dataset ?? 'run')}`));

  const { imageSize, patchSize, dim, numHeads, numLayers, initStd, dropout } = config;
  using model = checkpoint
    ? await ViTForImageClassification.fromPretrained(checkpoint.folder)
    : new ViTForImageClassification(
        {
          imageSize,
          patchSize,
          dim,
          numHeads,
          numLayers,
          initStd,
          dropout,
          numChannels: isGrey ? 1 : 3,
          labels: [...train.labels],
        },
        { seed },
      );
  using optimizer = new AdamW(model, {
    learningRate: scheduleOf(config),
    beta2,
    weightDecay,
    ...(clipNorm > 0 && { clipNorm }),
    seed,
  });
  let confusion = new ConfusionMatrix(train.labels);
  const trainer = new Trainer({
    model,
    optimizer,
    data,
    loss: ({ images, labels }) => crossEntropy(model.call(images), labels),
    steps,
    accumulationSteps,
    evaluate: async () => {
      const tested = await evaluate(model, {
        images: isSlow && test.length > SLOW_EVALUATION ? someOf(test, SLOW_EVALUATION) : test,
        processor,
      });
      confusion = tested.confusion;
      return { loss: tested.loss, accuracy: confusion.accuracy };
    },
    evalEvery: given.evalEvery ?? 250,
    saveEvery: given.saveEvery ?? 500,
    saveLimit: 2,
    out,
    save: async (folder) => {
      await model.savePretrained(folder);
      await processor.savePretrained(folder);
    },
    signal,
    config: { model: JSON.parse(JSON.stringify(model.config)) as JsonObject },
  });
  if (checkpoint) await trainer.load(checkpoint);
  await saveRunConfig(out, config);

  const partly =
    isSlow && test.length > SLOW_EVALUATION ? ` (of which ${SLOW_EVALUATION} are evaluated on this engine)` : '';
  report.note(`engine      ${describeEngine(choice)}`);
  report.note(
    `model       ViT, ${grouped(model.numParameters)} parameters: ${count(numLayers, 'layer')}, ${count(numHeads, 'head')}, ${dim} wide, patches of ${patchSize} x ${patchSize} in images of ${imageSize} x ${imageSize}`,
  );
  report.note(`data        ${name}: ${count(train.labels.length, 'label')}`);
  report.note(`split       ${grouped(train.length)} images to learn, ${grouped(test.length)} held out${partly}`);
  report.note(
    `steps       ${grouped(steps)} of ${grouped(batchSize * accumulationSteps)} images${checkpoint ? `, going on after step ${checkpoint.step}` : ''}`,
  );
  for (const skipped of checkpoint?.skipped ?? []) report.note(`skipped     ${skipped.folder}: ${skipped.reason}`);

  const facts = {
    parameters: model.numParameters,
    images_per_step: batchSize * accumulationSteps,
    engine: choice.name,
  };
  const summary = await followRun(trainer, { report, steps, facts });
  const isComplete = summary.reason === 'completed';
  if (isComplete) {
    report.note(`\n${confusion.toString()}\n`);
    summary['confusion'] = confusion.counts;
    report.note(`accuracy    ${(100 * confusion.accuracy).toFixed(2)} % of the held-out images`);
  }
  report.note(`${isComplete ? 'finished' : `stopped after step ${summary.step}`} in ${duration(summary.seconds)}`);
  report.note(`checkpoint  ${summary.checkpoint ?? 'none'}`);
  report.note(`classify    npx pnpm@12 classify --model ${summary.checkpoint ?? out} <image files>`);
  report.note(`resume      npx pnpm@12 pretrain --resume ${out}${isComplete ? ` --steps ${2 * steps}` : ''}`);
  report.summary(summary);
}

/** Images as levels from -1 to 1, of the model's size. */
function createProcessor({ imageSize }: VitRunConfig, isGrey: boolean): ImageProcessor {
  const half = isGrey ? [0.5] : [0.5, 0.5, 0.5];
  return ImageProcessor.fromConfig({
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: { height: imageSize, width: imageSize },
    resample: 2,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: half,
    image_std: half,
  });
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

/** Images from everywhere in a data set, at even distances. */
function someOf(images: ImageDataSet, number: number): ImageDataSet {
  return selectImages(
    images,
    Array.from({ length: number }, (_, i) => Math.floor((i * images.length) / number)),
  );
}
