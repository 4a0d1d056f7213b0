import { type Augmentation, randomAffine, randomFlip } from '@formers/images';
import { transfer } from 'comlink';

import { takesInk } from '../model/takes-ink.ts';
import { startEngine } from '../worker/engines.ts';
import { type Examples, type ExamplesOptions, imageExamples } from './examples.ts';
import { featureExamples } from './feature-examples.ts';
import { modelFiles } from './model-files.ts';
import { openModel } from './open-model.ts';
import { Pausable } from './pausable.ts';
import type { Phase, TrainEnd, TrainerService, TrainEvent, TrainJob, TrainSettings, Tested } from './protocol.ts';
import { readSamples } from './read-samples.ts';
import { problemWith, scratchKind } from './recipe.ts';
import { buffersOf } from './snapshot.ts';
import { splitByClass } from './split.ts';
import { TrainingRun } from './training-run.ts';

/**
 * What a worker of the page does to train. One training, one worker.
 *
 * @param clock Milliseconds.
 */
export function createTrainer(clock?: () => number): TrainerService {
  const pausable = new Pausable(clock);
  const stopping = new AbortController();
  let files: (() => Promise<Map<string, Uint8Array>>) | undefined;

  const run = async (job: TrainJob, tell: (event: TrainEvent) => void): Promise<TrainEnd> => {
    const { classes, beginning, settings } = job;
    const { signal } = stopping;
    const problem = problemWith(classes, settings);
    if (problem !== undefined) return { reason: 'failed', code: 'job', message: problem };
    const phase =
      (name: Phase) =>
      (done = 0, total = 0): void => {
        if (done === total || done % 8 === 0) tell({ type: 'phase', phase: name, done, total });
      };
    phase('engine')();
    const engine = await startEngine(job.engine);
    phase('model')();
    const labels = classes.map(({ label }) => label.trim());
    const { seed, batchSize } = settings;
    const scratch = scratchKind(classes);
    const { model, processor } = await openModel(beginning, { labels, seed, scratch, signal });
    const images = await readSamples(classes, {
      processor,
      takesInk: takesInk(model.config),
      signal,
      onProgress: phase('images'),
    });
    const labelOf = Array.from({ length: images.length }, (_, index) => images.label(index));
    const split = splitByClass(labelOf, { seed });
    const options: ExamplesOptions = { images, processor, model, learn: split.learn, batchSize, seed };
    const augment = augmentationsOf(settings);
    const examples: Examples =
      beginning.kind === 'head' && augment.length === 0
        ? await featureExamples(options, { signal, onProgress: phase('features') })
        : imageExamples({ ...options, augment });
    let tested: Tested | undefined;
    const { snapshot } = job;
    const listen = (event: TrainEvent): void => {
      if (event.type === 'evaluation') tested = event.tested;
      tell(event.type === 'snapshot' ? transfer(event, buffersOf(event.snapshot) as ArrayBuffer[]) : event);
    };
    const [numLearned, numHeldOut] = [split.learn.length, split.heldOut.length];
    const numTrained = model.parameters().reduce((sum, { trainable, size }) => sum + (trainable ? size : 0), 0);
    tell({ type: 'started', engine, numParameters: model.numParameters, numTrained, numLearned, numHeldOut });
    using training = new TrainingRun(
      { model, examples, split, labels, settings, snapshot, signal, tell: listen },
      pausable,
    );
    const end = await training.run();
    const facts = {
      labels,
      counts: classes.map(({ samples }) => samples.length),
      beginning: beginning.kind,
      beginningName: beginning.kind === 'scratch' ? undefined : beginning.source.name,
      settings,
      step: end.step,
      numParameters: model.numParameters,
      numHeldOut,
    };
    files = () => modelFiles(model, { processor, facts: { ...facts, tested } });
    return end;
  };

  const trained = async (): Promise<Map<string, Uint8Array>> => {
    if (!files) throw new Error('there is no trained model');
    return files();
  };

  return {
    train: async (job, onEvent) => {
      let told: unknown;
      const end = await run(job, (event) => (told = onEvent(event))).catch((cause: unknown) =>
        stopping.signal.aborted && cause === stopping.signal.reason ? CANCELLED : failureOf(cause),
      );
      await told; // another port than the answer's: the page would hear of the end before
      return end;
    },
    pause: () => pausable.pause(),
    resume: () => pausable.resume(),
    stop: () => {
      stopping.abort();
      pausable.resume();
    },
    files: async () => {
      const made = await trained();
      return transfer(
        made,
        [...made.values()].map(({ buffer }) => buffer as ArrayBuffer),
      );
    },
    zip: async () => {
      const { zipSync } = await import('fflate');
      const zipped = zipSync(Object.fromEntries(await trained()), { level: 0 }); // weights don't get smaller
      return transfer(zipped, [zipped.buffer]);
    },
  };
}

const CANCELLED: TrainEnd = { reason: 'cancelled', step: 0 };

function augmentationsOf({ flip, shift }: TrainSettings): Augmentation[] {
  return [...(flip ? [randomFlip()] : []), ...(shift > 0 ? [randomAffine({ shift })] : [])];
}

function failureOf(cause: unknown): TrainEnd {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return { reason: 'failed', code, message: cause instanceof Error ? cause.message : String(cause) };
}
