import type { BackendChoice } from '@formers/backend';
import type { OptimizerState } from '@formers/training';

import type { Stroke } from '../digit/strokes.ts';
import type { EngineChoice } from '../worker/engine-names.ts';
import type { ModelSource } from '../worker/protocol.ts';

/** An image to learn from. */
export interface Sample {
  /** For messages. */
  readonly name: string;
  /** A file, or what was drawn; the worker makes of it what the model takes. */
  readonly image: Blob | readonly Stroke[];
}

/** What a model is to tell from others. */
export interface SampleClass {
  readonly label: string;
  readonly samples: readonly Sample[];
}

/** What the training begins with: new weights, or those of a model, of which the head alone learns, or all. */
export type Beginning = { readonly kind: 'scratch' } | { readonly kind: 'head' | 'all'; readonly source: ModelSource };

/** How a model is trained. */
export interface TrainSettings {
  readonly steps: number;
  readonly batchSize: number;
  /** At its peak. */
  readonly learningRate: number;
  readonly seed: number;
  /** Whether images are mirrored at random. */
  readonly flip: boolean;
  /** Up to so many pixels to each side images are moved at random. */
  readonly shift: number;
}

/** All that a worker needs to train. */
export interface TrainJob {
  readonly engine: EngineChoice;
  readonly classes: readonly SampleClass[];
  readonly beginning: Beginning;
  readonly settings: TrainSettings;
  /** Where another worker stood that was lost. */
  readonly snapshot: Snapshot | undefined;
}

/** Where a training stands: with it, and the same job, another worker goes on. */
export interface Snapshot {
  readonly step: number;
  /** Those that learn, by their paths. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly optimizer: OptimizerState;
}

/** The loss of a step. */
export interface StepLoss {
  readonly step: number;
  readonly loss: number;
}

/** What a worker tells while it trains. */
export type TrainEvent =
  | { readonly type: 'phase'; readonly phase: Phase; readonly done: number; readonly total: number }
  | {
      readonly type: 'started';
      readonly engine: BackendChoice;
      readonly numParameters: number;
      /** Of the parameters, those that learn. */
      readonly numTrained: number;
      /** Images to learn from. */
      readonly numLearned: number;
      /** Images that it is tested with; without any, it is tested with those that it learned. */
      readonly numHeldOut: number;
    }
  | {
      readonly type: 'steps';
      /** Since the last event, at least one. */
      readonly losses: readonly StepLoss[];
      readonly imagesPerSecond: number;
      readonly secondsLeft: number;
      readonly memory: { readonly tensors: number; readonly bytes: number };
    }
  | {
      readonly type: 'evaluation';
      readonly step: number;
      readonly tested: Tested;
      /** Share of (some of) the images that it learns from that it takes for what they are. */
      readonly learnedAccuracy: number;
    }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot };

/** What a worker does before the first step: start its engine, open the model, read images, and compute what a frozen model makes of them. */
export type Phase = 'engine' | 'model' | 'images' | 'features';

/** How a model does on test images. */
export interface Tested {
  readonly loss: number;
  readonly accuracy: number;
  /** How often images of a class (row) were taken for one (column). */
  readonly counts: readonly (readonly number[])[];
}

/** How a training ended. `cancelled`: stopped before the first step, there is no model. */
export type TrainEnd =
  | { readonly reason: 'completed' | 'stopped' | 'cancelled'; readonly step: number }
  | { readonly reason: 'failed'; readonly code: string; readonly message: string };

/** What the page can ask the worker that trains. */
export interface TrainerService {
  /** Trains; settles when that is over, and all events have been heard. */
  train(job: TrainJob, onEvent: (event: TrainEvent) => void | Promise<void>): Promise<TrainEnd>;
  pause(): void;
  resume(): void;
  /** Ends the training; the model stays as it is. */
  stop(): void;
  /** The trained model as a Hugging Face folder. */
  files(): Promise<Map<string, Uint8Array>>;
  /** The same in a zip. */
  zip(): Promise<Uint8Array>;
}
