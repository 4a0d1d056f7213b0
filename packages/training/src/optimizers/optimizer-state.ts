import { tensor, tidy, type Variable } from '@tensorflow/tfjs-core';

import { TrainingError } from '../errors.ts';
import type { OptimizerState, StateTensor } from './optimizer-options.ts';

/** The values of all moments, read at once. */
export async function readState(moments: ReadonlyMap<string, Variable>): Promise<Map<string, StateTensor>> {
  const reading = [...moments].map(async ([name, moment]): Promise<[string, StateTensor]> => [
    name,
    { shape: moment.shape, values: await moment.data<'float32'>() },
  ]);
  return new Map(await Promise.all(reading));
}

/** Sets all moments, after a look at everything in the state. */
export function writeState(
  moments: ReadonlyMap<string, Variable>,
  state: OptimizerState,
  own: { kind: string; seed: number },
): void {
  const problems: string[] = [];
  if (state.kind !== own.kind) problems.push(`it is of ${state.kind}, not of ${own.kind}`);
  if (state.seed !== own.seed) problems.push(`its seed is ${state.seed}, not ${own.seed}`);
  if (!(Number.isSafeInteger(state.numSteps) && state.numSteps >= 0))
    problems.push(`numSteps must be a whole number from 0, got ${state.numSteps}`);
  for (const [name, { shape }] of moments) {
    const found = state.tensors.get(name);
    if (!found) problems.push(`${name} is missing`);
    else if (found.shape.join() !== shape.join())
      problems.push(`${name} must be [${shape.join(', ')}], got [${found.shape.join(', ')}]`);
  }
  for (const name of state.tensors.keys()) if (!moments.has(name)) problems.push(`${name} is unexpected`);
  if (problems.length > 0)
    throw new TrainingError('state', `Optimizer.loadState: the state does not fit: ${problems.join('; ')}`);
  for (const [name, moment] of moments) {
    const { values } = state.tensors.get(name) as StateTensor;
    tidy(() => moment.assign(tensor(values, moment.shape)));
  }
}
