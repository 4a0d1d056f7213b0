import type { JsonLike } from '@formers/checkpoints';
import type { AnyModule } from '@formers/nn';
import type { BatchSource, Metrics, TrainingBatch } from '@formers/training';
import type { Scalar } from '@tensorflow/tfjs-core';

import type { TaskConfig } from '../options.ts';

/** A model of any task. */
export interface TaskModel extends AnyModule {
  readonly config: object;
  readonly numParameters: number;
  savePretrained(folder: string): Promise<void>;
}

/** What held-out data say of a model. */
export interface Evaluation {
  /** Numbers by name; `loss` among them. */
  readonly metrics: Metrics;
  /** Lines for people: a table, a matrix, examples. */
  readonly report: string;
  /** What a program gets instead. */
  readonly details?: JsonLike;
}

/** Where a task starts, or goes on. */
export interface TaskRequest {
  readonly config: TaskConfig;
  /** Folder of the checkpoint of a run that goes on. */
  readonly checkpoint: string | undefined;
  readonly signal: AbortSignal;
}

/** A task with its data and its model, ready to train. */
export interface ReadyTask<Model extends TaskModel, Batch extends TrainingBatch> {
  /** The caller disposes it. */
  readonly model: Model;
  /** Opens another state of the model: one of its checkpoints. */
  open(checkpoint: string): Promise<Model>;
  readonly data: BatchSource<Batch>;
  /** How many examples there are to learn. */
  readonly numExamples: number;
  loss(model: Model, batch: Batch): Scalar;
  /** @param options.isLast Whether the report is wanted, which may take longer. */
  evaluate(model: Model, options: { isLast: boolean }): Promise<Evaluation>;
  /** Which number says what evaluation is best. */
  readonly best: { readonly metric: string; readonly greaterIsBetter: boolean };
  /** Writes the tokenizer or the image processor. */
  saveProcessor(folder: string): Promise<void>;
  /** What is counted per second. */
  readonly unit: string;
  /** Two lines on the data. */
  readonly facts: { readonly data: string; readonly split: string };
  /** What follows `npx pnpm@12 run pipeline --model <folder>`. */
  readonly pipeline: string;
}

/** What is done with a task that is ready. */
export type Train = <Model extends TaskModel, Batch extends TrainingBatch>(
  task: ReadyTask<Model, Batch>,
) => Promise<void>;

/** Reads data and model of a task, and hands them over. */
export type PrepareTask = (request: TaskRequest, train: Train) => Promise<void>;

/** A text on a command line, cut where it is long. */
export function shellText(text: string, most = 80): string {
  return `'${text
    .replaceAll(/\s+/g, ' ')
    .slice(0, most)
    .replaceAll("'", String.raw`'\''`)}'`;
}
