import { describe, expect, it } from 'vitest';

import { cpu, useBackend } from '@formers/backend';
import { DeiTForImageClassification, TimmViT, VIT_PRESETS } from '@formers/vit';
import { memory } from '@tensorflow/tfjs-core';
import { unzipSync } from 'fflate';
import sharp from 'sharp';

import { digitFromStrokes } from '../src/digit/digit-form.ts';
import { ImageClassifier } from '../src/model/image-classifier.ts';
import type {
  Sample,
  SampleClass,
  Snapshot,
  TrainEnd,
  TrainEvent,
  TrainJob,
  TrainSettings,
} from '../src/train/protocol.ts';
import { drawReadyMade } from '../src/train/ready-made.ts';
import { DEFAULT_SETTINGS } from '../src/train/recipe.ts';
import { splitByClass } from '../src/train/split.ts';
import { createTrainer } from '../src/train/trainer-service.ts';

const shapes = drawReadyMade('shapes', { seed: 1 }).slice(0, 3);
const few = shapes.map(({ label, samples }) => ({ label, samples: samples.slice(0, 10) }));

function jobWith(settings: Partial<TrainSettings>, job: Partial<TrainJob> = {}): TrainJob {
  return {
    engine: 'simd',
    classes: few,
    beginning: { kind: 'scratch' },
    settings: { ...DEFAULT_SETTINGS.scratch, batchSize: 8, ...settings },
    snapshot: undefined,
    ...job,
  };
}

/** Runs a job to its end; `onEvent` may pause or stop it. */
async function trained(
  job: TrainJob,
  onEvent: (event: TrainEvent, trainer: ReturnType<typeof createTrainer>) => void = () => {},
  clock?: () => number,
): Promise<{ end: TrainEnd; events: TrainEvent[]; trainer: ReturnType<typeof createTrainer>; losses: number[] }> {
  const trainer = createTrainer(clock);
  const events: TrainEvent[] = [];
  const end = await trainer.train(job, (event) => {
    events.push(event);
    onEvent(event, trainer);
  });
  const losses = events.flatMap((event) => (event.type === 'steps' ? event.losses : [])).map(({ loss }) => loss);
  return { end, events, trainer, losses };
}

/** A clock that goes on by a second whenever it is read, so that each step is told of at once. */
function everySecond(): () => number {
  let time = 0;
  return () => (time += 1000);
}

const accuracies = (events: readonly TrainEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'evaluation' ? [event.tested.accuracy] : []));

async function paint(background: string): Promise<Blob> {
  const image = sharp({ create: { width: 90, height: 60, channels: 3, background } });
  return new Blob([Uint8Array.from(await image.png().toBuffer())]);
}

/** Six red and six blue files. */
function colouredFiles(): Promise<SampleClass[]> {
  const filesOf = (label: string): Promise<Sample[]> =>
    Promise.all(Array.from({ length: 6 }, async (_, i) => ({ name: `${i}.png`, image: await paint(label) })));
  return Promise.all(['red', 'blue'].map(async (label) => ({ label, samples: await filesOf(label) })));
}

describe('the service that trains', () => {
  it('learns shapes from scratch: the loss falls, held-out shapes are told apart, and the saved model says the same', async () => {
    const { end, events, trainer, losses } = await trained(jobWith({ steps: 120, batchSize: 16 }, { classes: shapes }));
    expect(end).toEqual({ reason: 'completed', step: 120 });
    expect(losses).toHaveLength(120);
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(losses.slice(0, 5))).toBeGreaterThan(0.9);
    expect(mean(losses.slice(-5))).toBeLessThan(0.3);
    const started = events.find((event) => event.type === 'started');
    expect(started).toMatchObject({ numLearned: 96, numHeldOut: 24 });
    const last = events.findLast((event) => event.type === 'evaluation');
    expect(last?.step).toBe(120);
    expect(last?.tested.accuracy).toBeGreaterThanOrEqual(0.75); // a third by chance
    expect(last?.tested.counts.flat().reduce((sum, count) => sum + count, 0)).toBe(24);

    const files = await trainer.files();
    expect([...files.keys()].toSorted()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'preprocessor_config.json',
    ]);
    const card = new TextDecoder().decode(files.get('README.md'));
    expect(card).toContain('| triangle | 40 |');
    expect(card).toContain(`takes ${(100 * (last?.tested.accuracy ?? 0)).toFixed(1)} % for what they are`);
    using classifier = await ImageClassifier.open(files);
    expect(classifier.config.labels).toEqual(['circle', 'square', 'triangle']);
    const all = shapes.flatMap(({ samples }, label) => samples.map(({ image }) => ({ image, label })));
    const { heldOut } = splitByClass(
      all.map(({ label }) => label),
      { seed: DEFAULT_SETTINGS.scratch.seed },
    );
    const counts = shapes.map(() => shapes.map(() => 0));
    for (const index of heldOut) {
      const { image, label } = all[index] as (typeof all)[number];
      if (image instanceof Blob) throw new Error('shapes are strokes');
      const { probabilities } = await classifier.classify(digitFromStrokes(image));
      const row = counts[label] as number[];
      const predicted = probabilities.indexOf(Math.max(...probabilities));
      row[predicted] = (row[predicted] ?? 0) + 1;
    }
    expect(counts).toEqual(last?.tested.counts); // the very images that it was tested with

    const unzipped = unzipSync(await trainer.zip());
    for (const [name, bytes] of files) expect(Buffer.from(unzipped[name] ?? []).equals(bytes), name).toBe(true);
  });

  it('gives the same losses for the same seed, and others for another one', async () => {
    const [first, second, other] = [
      await trained(jobWith({ steps: 6 })),
      await trained(jobWith({ steps: 6 })),
      await trained(jobWith({ steps: 6, seed: 2 })),
    ];
    expect(first.losses).toEqual(second.losses);
    expect(other.losses).not.toEqual(first.losses);
  });

  it('pauses between steps and goes on to the same losses', async () => {
    const plain = await trained(jobWith({ steps: 12 }));
    let seen = 0;
    let atPause = 0;
    let pausedFor = 0;
    const paused = await trained(jobWith({ steps: 12 }), (event, trainer) => {
      if (event.type !== 'evaluation') return;
      seen++;
      if (seen !== 1) return;
      trainer.pause();
      atPause = event.step;
      const start = performance.now();
      setTimeout(() => {
        pausedFor = performance.now() - start;
        trainer.resume();
      }, 400);
    });
    expect(atPause).toBe(5);
    expect(pausedFor).toBeGreaterThan(390);
    expect(paused.end).toEqual({ reason: 'completed', step: 12 });
    expect(paused.losses).toEqual(plain.losses);
  });

  it('makes no step while it is paused', async () => {
    const steps: number[] = [];
    const { promise: pausing, resolve: paused } = Promise.withResolvers<void>();
    const trainer = createTrainer(everySecond());
    const ending = trainer.train(jobWith({ steps: 40 }), (event) => {
      if (event.type === 'steps') steps.push(...event.losses.map(({ step }) => step));
      if (event.type !== 'evaluation' || event.step !== 5) return;
      trainer.pause();
      paused();
    });
    await pausing;
    await new Promise((resolve) => setTimeout(resolve, 400)); // a hundred steps
    expect(steps).toEqual([1, 2, 3, 4, 5]);
    trainer.stop();
    expect(await ending).toEqual({ reason: 'stopped', step: 5 });
  });

  it('keeps the model when it is stopped, and tests it', async () => {
    const { end, events, trainer } = await trained(
      jobWith({ steps: 100_000 }),
      (event, running) => {
        if (event.type === 'steps' && event.losses.at(-1)?.step === 3) running.stop();
      },
      everySecond(),
    );
    expect(end).toEqual({ reason: 'stopped', step: 4 }); // a step is told of while the next one is made
    expect(events.findLast((event) => event.type === 'evaluation')?.step).toBe(4);
    using classifier = await ImageClassifier.open(await trainer.files());
    expect(classifier.config.labels).toHaveLength(3);
  });

  it('ends without a model when it is stopped before the first step', async () => {
    const { end, events, trainer } = await trained(jobWith({ steps: 5 }), (event, running) => {
      if (event.type === 'phase' && event.phase === 'images') running.stop();
    });
    expect(end).toEqual({ reason: 'cancelled', step: 0 });
    expect(events.every(({ type }) => type === 'phase')).toBe(true);
    await expect(trainer.files()).rejects.toThrow('there is no trained model');
  });

  it('goes on from a snapshot in another worker to the same losses', async () => {
    let snapshot: Snapshot | undefined;
    const job = jobWith({ steps: 30 });
    const whole = await trained(
      job,
      (event) => {
        if (event.type === 'snapshot') snapshot ??= structuredClone(event.snapshot);
      },
      everySecond(),
    );
    if (snapshot === undefined) throw new Error('no snapshot was taken');
    expect(snapshot.step).toBeGreaterThanOrEqual(20);
    const rest = await trained({ ...job, snapshot });
    expect(rest.losses).toEqual(whole.losses.slice(snapshot.step));
    expect(rest.end).toEqual(whole.end);
  });

  it('fine-tunes the head alone on features that are computed once, or all weights', async () => {
    const { trainer } = await trained(jobWith({ steps: 100, batchSize: 16 }, { classes: shapes }));
    const files = await trainer.files();
    const source = {
      name: 'shapes',
      location: new Map([...files].map(([name, bytes]) => [name, new Blob([Uint8Array.from(bytes)])])),
    };
    const renamed = shapes.slice(0, 2).map(({ label, samples }) => ({ label: `my ${label}`, samples }));
    const head = await trained({
      ...jobWith(DEFAULT_SETTINGS.head, { classes: renamed }),
      beginning: { kind: 'head', source },
    });
    const started = head.events.find((event) => event.type === 'started');
    expect(started?.numTrained).toBe(64 * 2 + 2);
    expect(head.events.some((event) => event.type === 'phase' && event.phase === 'features' && event.done === 80)).toBe(
      true,
    );
    expect(accuracies(head.events).at(-1)).toBeGreaterThanOrEqual(0.8);
    using before = await ImageClassifier.open(files);
    using after = await ImageClassifier.open(await head.trainer.files());
    expect(after.config.labels).toEqual(['my circle', 'my square']);
    const [image] = shapes[0]?.samples ?? [];
    if (!image || image.image instanceof Blob) throw new Error('shapes are strokes');
    const digit = digitFromStrokes(image.image);
    const [attended, attendedBefore] = [await after.explain(digit), await before.explain(digit)];
    expect(attended.attentions).toEqual(attendedBefore.attentions); // the encoder is as it was

    const all = await trained({
      ...jobWith({ ...DEFAULT_SETTINGS.all, steps: 5 }, { classes: renamed }),
      beginning: { kind: 'all', source },
    });
    const facts = all.events.find((event) => event.type === 'started');
    expect(facts?.numTrained).toBe(facts?.numParameters);
  });

  it('reads files as the page does, in colour, mirrored and moved, and names a file that can’t be read', async () => {
    const colours = await colouredFiles();
    const { end, events, trainer } = await trained(jobWith({ steps: 15, flip: true, shift: 3 }, { classes: colours }));
    expect(end.reason).toBe('completed');
    expect(accuracies(events).at(-1)).toBe(1);
    const config = JSON.parse(new TextDecoder().decode((await trainer.files()).get('config.json'))) as Record<
      string,
      unknown
    >;
    expect(config).toMatchObject({ num_channels: 3, image_size: 48, id2label: { 0: 'red', 1: 'blue' } });

    const broken = {
      name: 'broken.png',
      image: new Blob([new Uint8Array(await (await paint('red')).arrayBuffer()).subarray(0, 60)]),
    };
    const failed = await trained(
      jobWith({ steps: 5 }, { classes: [...colours, { label: 'none', samples: [broken] }] }),
    );
    expect(failed.end).toMatchObject({ reason: 'failed', code: 'unreadable' });
    expect((failed.end as { message: string }).message).toMatch(/^“broken.png” can’t be read: /);
  });

  it.each([
    ['DeiTForImageClassification', DeiTForImageClassification],
    ['timm.VisionTransformer', TimmViT],
  ] as const)('gives a %s other classes, also one whose folder names no processor', async (architecture, Model) => {
    await useBackend(cpu());
    const files = new Map<string, Uint8Array>();
    using model = new Model({ ...VIT_PRESETS.testing, numChannels: 3, labels: ['a', 'b', 'c'] }, { seed: 1 });
    await model.savePretrained(files);
    expect([...files.keys()].toSorted()).toEqual(['config.json', 'model.safetensors']);
    const blobs = [...files].map(([name, bytes]) => [name, new Blob([Uint8Array.from(bytes)])] as const);
    const { end, events, trainer } = await trained(
      jobWith(
        { ...DEFAULT_SETTINGS.head, steps: 30 },
        {
          classes: await colouredFiles(),
          beginning: { kind: 'head', source: { name: 'small', location: new Map(blobs) } },
        },
      ),
    );
    expect(end).toEqual({ reason: 'completed', step: 30 });
    expect(accuracies(events).at(-1)).toBe(1);
    using classifier = await ImageClassifier.open(await trainer.files());
    expect(classifier.facts).toMatchObject({ architecture, labels: ['red', 'blue'] });
  });

  it('refuses a job without classes to tell apart', async () => {
    expect((await trained(jobWith({}, { classes: few.slice(0, 1) }))).end).toMatchObject({
      reason: 'failed',
      code: 'job',
      message: 'Two classes or more are needed to tell one from another; there is 1.',
    });
  });

  it('holds as many tensors after many steps as after few', async () => {
    const { events } = await trained(jobWith({ steps: 40, batchSize: 4 }), undefined, everySecond());
    const held = events.flatMap((event) => (event.type === 'steps' ? [event.memory.tensors] : []));
    expect(held).toHaveLength(40);
    expect(new Set(held.slice(1)).size).toBe(1);
    expect(memory().numTensors).toBeGreaterThan(0);
  });
});
