import type { Optimizer, Trainable } from '@formers/training';
import { tensor, tidy } from '@tensorflow/tfjs-core';

import type { Snapshot } from './protocol.ts';

/** Models of which more numbers learn aren't kept a second time in the page's memory: with the optimizer's, that would be three times as many. */
const MOST_NUMBERS = 16 * 2 ** 20;

/** What learns, and what changes it. */
interface Learning {
  readonly model: Trainable;
  readonly optimizer: Optimizer;
}

/** A copy of all that the next steps depend on; nothing for models that are too large. */
export async function takeSnapshot({ model, optimizer }: Learning): Promise<Snapshot | undefined> {
  const trained = [...model.namedParameters()].filter(([, { trainable }]) => trainable);
  if (trained.reduce((sum, [, { size }]) => sum + size, 0) > MOST_NUMBERS) return undefined;
  const step = optimizer.numSteps;
  const reading = trained.map(async ([path, parameter]): Promise<[string, Float32Array]> => [
    path,
    (await parameter.data<'float32'>()).slice(),
  ]);
  const [parameters, state] = await Promise.all([Promise.all(reading), optimizer.state()]);
  const tensors = [...state.tensors].map(
    ([name, { shape, values }]) => [name, { shape, values: values.slice() }] as const,
  );
  return { step, parameters: new Map(parameters), optimizer: { ...state, tensors: new Map(tensors) } };
}

/** Goes on where a snapshot was taken. @throws {@link TrainingError} `state` when it is of another model. */
export function restoreSnapshot({ parameters, optimizer: state }: Snapshot, { model, optimizer }: Learning): void {
  optimizer.loadState(state);
  for (const [path, parameter] of model.namedParameters()) {
    const values = parameters.get(path);
    if (values) tidy(() => parameter.assign(tensor(values, parameter.shape)));
  }
}

/** What may be moved to another thread instead of being copied. */
export function buffersOf({ parameters, optimizer }: Snapshot): ArrayBufferLike[] {
  return [...parameters.values(), ...[...optimizer.tensors.values()].map(({ values }) => values)].map(
    ({ buffer }) => buffer,
  );
}
