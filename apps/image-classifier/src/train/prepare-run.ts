import { type Augmentation, type ImageProcessor, randomAffine, randomFlip } from '@formers/images';

import { takesInk } from '../model/takes-ink.ts';
import { startEngine } from '../worker/engines.ts';
import { type Examples, imageExamples } from './examples.ts';
import { featureExamples } from './feature-examples.ts';
import { type ImageModel, openModel } from './open-model.ts';
import type { Phase, TrainEvent, TrainJob, TrainSettings } from './protocol.ts';
import { readSamples } from './read-samples.ts';
import { scratchKind } from './recipe.ts';
import { type Split, splitByClass } from './split.ts';

/** All that a run needs before its first step. */
export interface PreparedRun {
  readonly model: ImageModel;
  readonly processor: ImageProcessor;
  readonly labels: readonly string[];
  readonly split: Split;
  readonly examples: Examples;
}

/** Starts the engine, opens the model, reads the images, and tells of each. */
export async function prepareRun(
  { engine: choice, classes, beginning, settings }: TrainJob,
  { signal, tell }: { signal: AbortSignal; tell: (event: TrainEvent) => void },
): Promise<PreparedRun> {
  const progressOf =
    (phase: Phase) =>
    (done = 0, total = 0): void => {
      if (done === total || done % 8 === 0) tell({ type: 'phase', phase, done, total });
    };
  progressOf('engine')();
  const engine = await startEngine(choice);
  progressOf('model')();
  const labels = classes.map(({ label }) => label.trim());
  const { seed, batchSize } = settings;
  const { model, processor } = await openModel(beginning, { labels, seed, scratch: scratchKind(classes), signal });
  const onProgress = progressOf('images');
  const images = await readSamples(classes, { processor, takesInk: takesInk(model.config), signal, onProgress });
  const classOf = Array.from({ length: images.length }, (_, index) => images.label(index));
  const split = splitByClass(classOf, { seed });
  const options = { images, processor, model, learn: split.learn, batchSize, seed };
  const augment = augmentationsOf(settings);
  const examples =
    beginning.kind === 'head' && augment.length === 0
      ? await featureExamples(options, { signal, onProgress: progressOf('features') })
      : imageExamples({ ...options, augment });
  tell({
    type: 'started',
    engine,
    numParameters: model.numParameters,
    numTrained: model.parameters().reduce((sum, { trainable, size }) => sum + (trainable ? size : 0), 0),
    numLearned: split.learn.length,
    numHeldOut: split.heldOut.length,
  });
  return { model, processor, labels, split, examples };
}

function augmentationsOf({ flip, shift }: TrainSettings): Augmentation[] {
  return [...(flip ? [randomFlip()] : []), ...(shift > 0 ? [randomAffine({ shift })] : [])];
}
