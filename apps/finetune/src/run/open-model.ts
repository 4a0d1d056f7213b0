import { misfitOf, modelFolder, UsageError } from '@formers/cli';
import { type AutoModelClass, knownTasksOf } from '@formers/pipelines';

import type { TaskModel, TaskRequest } from '../tasks/task.ts';

/** What is asked of a model. */
export interface OpenModelOptions {
  /** Whether the task needs a head that the checkpoint may lack. */
  readonly newHead: boolean;
  /** Of a new head. */
  readonly labels?: readonly string[];
}

/** The model of a run: of its checkpoint, or by `--model` for a new run and below adapters. */
export async function openModel<Model extends TaskModel>(
  models: AutoModelClass<Model>,
  { config, checkpoint, signal }: TaskRequest,
  { newHead, labels }: OpenModelOptions,
): Promise<Model> {
  const { seed, model: location, fromScratch, lora, task } = config;
  if (checkpoint !== undefined && !lora) return models.fromPretrained(checkpoint, { signal });
  const options = { signal, ...(newHead && { newHead, seed, ...(labels && { labels }) }) };
  const folder = await modelFolder(location);
  const model = await models.fromPretrained(folder, options).catch(async (error: unknown) => {
    const known = misfitOf(error) === 'kind' && (await knownTasksOf(folder, { signal }).catch(() => undefined));
    if (!known || models.modelTypes.includes(known.modelType)) throw error;
    throw new UsageError(
      `--model ${location} is a ${known.architecture}; --task ${task} is for models whose model_type is one of ${models.modelTypes.toSorted().join(', ')}`,
    );
  });
  if (!fromScratch) return model;
  try {
    return withFreshWeights(model, { seed });
  } finally {
    model[Symbol.dispose]();
  }
}

/** A model of the same class and shape, with weights as they are before any training. */
function withFreshWeights<Model extends TaskModel>(model: Model, { seed }: { seed: number }): Model {
  const modelClass = model.constructor as new (config: object, init: { seed: number }) => Model;
  return new modelClass(structuredClone(model.config), { seed });
}
