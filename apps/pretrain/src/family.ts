import type { JsonLike } from '@formers/checkpoints';
import type { GivenValues, OptionSpecs, TrainingConfig } from '@formers/cli';
import type { AnyModule } from '@formers/nn';
import type { BatchSource, FoundCheckpoint, Metrics, ParameterGroup, TrainingBatch } from '@formers/training';
import type { Scalar } from '@tensorflow/tfjs-core';

/** What makes a run, every default filled in: saved as `run.json`. */
export interface RunConfig extends TrainingConfig {
  family: string;
}

/** What can be told apart at the start of a run. */
export interface Machine {
  /** Whether the engine is one in plain JavaScript, where defaults have to be smaller. */
  readonly isSlow: boolean;
}

/** A family of models that can be pre-trained: a row of {@link FAMILIES}. */
export interface Family<Given extends GivenValues = GivenValues, Config extends RunConfig = RunConfig> {
  readonly name: string;
  /** What a run does, as a sentence for the help. */
  readonly about: string;
  /** Commands for the help. */
  readonly examples: readonly string[];
  /** The options that make a run what it is: kept with it, and the same after a resume. */
  readonly options: OptionSpecs;
  /** The config of a new run: what was given, and the defaults. */
  configure(given: Given, machine: Machine): Config;
  /** Names of options that stand for others, such as `preset`: what was given with those instead. */
  expand?(given: Given): GivenValues;
  /** What configs that were saved before there was such an option lack. */
  readonly earlier?: Partial<Config>;
  /** Reads the data and makes or opens the model. */
  prepare(config: Config, options: Machine & { checkpoint: FoundCheckpoint | undefined }): Promise<PreparedRun>;
}

/** What is trained: any of our models. */
export interface RunModel extends AnyModule {
  readonly config: object;
  readonly numParameters: number;
  savePretrained(folder: string): Promise<void>;
}

/** All that a family brings to a run. */
export interface PreparedRun<Batch extends TrainingBatch = TrainingBatch> {
  /** Of the run's folder, unless told. */
  readonly name: string;
  /** Is given away: the run disposes it. */
  readonly model: RunModel;
  readonly data: BatchSource<Batch>;
  loss(batch: Batch): Scalar;
  /** Measures the model on held-out data, the same way each time. */
  evaluate(): Promise<Metrics>;
  /** What is saved beside the model: a tokenizer or an image processor. */
  readonly companion: { savePretrained(folder: string): Promise<void> };
  /** Parameters with learning rates of their own. */
  readonly groups?: readonly ParameterGroup[];
  /** What must be the same when the run is resumed, besides config and data. */
  readonly identity?: { readonly [key: string]: JsonLike };
  /** What a batch has, such as 32 `sequences`. */
  readonly perBatch: { readonly count: number; readonly unit: string };
  /** What is counted per second; default as `perBatch`. */
  readonly speedUnit?: string;
  /** Lines of the head, after their names. */
  readonly notes: { readonly model: string; readonly data: string; readonly split: string };
  /** What is shown and added to the summary when all steps are made. */
  finish?(): Promise<{ readonly text: string; readonly facts: Readonly<Record<string, unknown>> }>;
  /** What can be done with the run, as lines `name` and command. */
  commands(folders: { readonly out: string; readonly checkpoint: string }): readonly (readonly [string, string])[];
}
