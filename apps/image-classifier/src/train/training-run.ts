import { crossEntropy } from '@formers/backend';
import { AdamW, Trainer, warmupCosine } from '@formers/training';
import { memory } from '@tensorflow/tfjs-core';

import { evaluate } from './evaluate.ts';
import type { ExampleBatch, Examples } from './examples.ts';
import type { ImageModel } from './open-model.ts';
import type { Pausable } from './pausable.ts';
import type { Snapshot, StepLoss, TrainEvent, TrainSettings } from './protocol.ts';
import { restoreSnapshot, takeSnapshot } from './snapshot.ts';
import { type Split, spread } from './split.ts';

/** At most so many of the images that a model learns from are looked at to see how well it knows them. */
const MOST_LOOKED_AT = 64;

/** Steps are told of together, so often at most, in milliseconds. */
const TELL_EVERY = 100;

/** Steps and milliseconds between snapshots, both at least. */
const SNAPSHOT_EVERY = { steps: 20, time: 2000 } as const;

/** What a run is made of; all of it is borrowed. */
export interface RunParts {
  readonly model: ImageModel;
  readonly examples: Examples;
  readonly split: Split;
  readonly labels: readonly string[];
  readonly settings: TrainSettings;
  readonly snapshot: Snapshot | undefined;
  readonly signal: AbortSignal;
  readonly tell: (event: TrainEvent) => void;
}

/** A training that can be paused: the `Trainer` of `@formers/training`, whose next step is asked for only while it isn't. */
export class TrainingRun implements Disposable {
  readonly #parts: RunParts;
  readonly #optimizer: AdamW;
  readonly #trainer: Trainer<ExampleBatch>;
  readonly #pausable: Pausable;
  #losses: StepLoss[] = [];
  #toldAt = 0;
  #pace = { imagesPerSecond: 0, secondsLeft: 0 };
  #snapshot: { step: number; time: number };
  #evaluatedStep = 0;

  constructor(parts: RunParts, pausable: Pausable) {
    const { model, examples, settings, snapshot, signal } = parts;
    const { steps, learningRate, seed } = settings;
    this.#parts = parts;
    this.#pausable = pausable;
    this.#optimizer = new AdamW(model, {
      learningRate: warmupCosine({ peak: learningRate, warmup: Math.ceil(steps / 20), total: steps }),
      weightDecay: 0.05,
      clipNorm: 1,
      seed,
    });
    if (snapshot) restoreSnapshot(snapshot, { model, optimizer: this.#optimizer });
    this.#snapshot = { step: snapshot?.step ?? 0, time: pausable.now() };
    this.#trainer = new Trainer({
      model,
      optimizer: this.#optimizer,
      data: examples.learn,
      loss: ({ inputs, labels }) => crossEntropy(examples.logits(inputs), labels),
      steps,
      evaluate: () => this.#evaluate(),
      evalEvery: Math.max(5, Math.round(steps / 20)),
      signal,
      now: () => pausable.now(),
    });
  }

  /** Makes the steps that are left, and says whether all of them are made and how many that is. */
  async run(): Promise<{ reason: 'completed' | 'stopped'; step: number }> {
    let reason: 'completed' | 'stopped' = 'completed';
    for await (const event of this.#trainer.run()) {
      if (event.type === 'step') {
        this.#losses.push({ step: event.step, loss: event.loss });
        this.#pace = { imagesPerSecond: event.tokensPerSecond, secondsLeft: event.secondsLeft };
        if (this.#pausable.now() - this.#toldAt >= TELL_EVERY) this.#tellSteps();
      }
      if (event.type === 'done' && event.reason === 'aborted') reason = 'stopped';
      await this.#pausable.aside(() => this.#keep());
      await this.#pausable.passed();
    }
    if (this.#losses.length > 0) this.#tellSteps();
    const { step } = this.#trainer;
    if (step > 0 && step !== this.#evaluatedStep) await this.#evaluate();
    return { reason, step };
  }

  [Symbol.dispose](): void {
    this.#optimizer.dispose();
  }

  #tellSteps(): void {
    const {
      numTensors,
      numBytes,
      numBytesReserved = numBytes,
    } = memory() as ReturnType<typeof memory> & {
      numBytesReserved?: number; // of our SIMD engine
    };
    const losses = this.#losses;
    const held = { tensors: numTensors, bytes: numBytesReserved };
    this.#losses = [];
    this.#toldAt = this.#pausable.now();
    this.#parts.tell({ type: 'steps', losses, ...this.#pace, memory: held });
  }

  async #evaluate(): Promise<{ loss: number; accuracy: number }> {
    const { examples, split, labels, tell } = this.#parts;
    const { learn, heldOut } = split;
    const looked = await evaluate(examples, { indices: spread(learn, MOST_LOOKED_AT), labels });
    const tested = heldOut.length > 0 ? await evaluate(examples, { indices: heldOut, labels }) : looked;
    const step = this.#optimizer.numSteps;
    this.#evaluatedStep = step;
    tell({ type: 'evaluation', step, tested, learnedAccuracy: looked.accuracy });
    return { loss: tested.loss, accuracy: tested.accuracy };
  }

  /** Sends a snapshot where one is due. */
  async #keep(): Promise<void> {
    const step = this.#optimizer.numSteps;
    const time = this.#pausable.now();
    if (step < this.#snapshot.step + SNAPSHOT_EVERY.steps || time < this.#snapshot.time + SNAPSHOT_EVERY.time) return;
    const { model, tell } = this.#parts;
    const snapshot = await takeSnapshot({ model, optimizer: this.#optimizer });
    this.#snapshot = { step, time };
    if (snapshot) tell({ type: 'snapshot', snapshot });
  }
}
