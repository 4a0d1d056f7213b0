import type { Tokenizer } from '@formers/tokenizers';

/** What every pipeline is besides a function: a task, its model, and how to free it. */
export interface Pipeline<Task extends string, Model> extends Disposable {
  readonly task: Task;
  readonly model: Model;
  /** Frees the model, if the pipeline opened it. Safe to call twice. */
  dispose(): void;
}

/** A pipeline that reads texts. */
export interface TextPipeline<Task extends string, Model> extends Pipeline<Task, Model> {
  readonly tokenizer: Tokenizer;
}

/** What a text task is made of. */
export interface TextParts<Model> {
  /** Stays the caller's. */
  readonly model: Model;
  readonly tokenizer: Tokenizer;
}

/** A pipeline out of the function that does its work. */
export function definePipeline<
  Call extends (...inputs: never[]) => unknown,
  Parts extends { task: string; model: unknown },
>(call: Call, parts: Parts): Call & Parts & Disposable & { dispose(): void } {
  const dispose = (): void => {}; // what it was given isn't its own; `pipeline` gives what it opened
  return Object.assign(call, { ...parts, dispose, [Symbol.dispose]: dispose });
}
