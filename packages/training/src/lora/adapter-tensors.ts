import { CheckpointError, fromFloat32, type StoredTensor } from '@formers/checkpoints';

import { assignStored, storeVariable } from '../stored-variable.ts';
import type { LowRank } from './low-rank.ts';
import { findSaved } from './saved-modules.ts';
import type { SavedParameter } from './saved-parameter.ts';
import type { AdaptableModel, Target } from './targets.ts';

/** Name of the file with the tensors of an adapter. */
export const WEIGHTS = 'adapter_model.safetensors';

const PREFIX = 'base_model.model.';

/** What an adapter trains. */
export interface AdapterParts {
  readonly adapters: ReadonlyMap<Target, LowRank>;
  readonly saved: readonly SavedParameter[];
}

/** The tensors of an adapter file by their names, without what PEFT puts in front of all of them. */
export function withoutPrefix(tensors: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  return new Map(
    [...tensors].map(([name, stored]) => [name.startsWith(PREFIX) ? name.slice(PREFIX.length) : `/${name}`, stored]),
  );
}

/** Names of the factors of a linear map. */
export function factorNames({ fileName }: Target): { a: string; b: string } {
  return { a: `${fileName}.lora_A.weight`, b: `${fileName}.lora_B.weight` };
}

/**
 * All tensors of an adapter, as PEFT names them.
 *
 * @param options.idle Maps that PEFT adapts, too, and this adapter doesn't: their factors are zeros, which change nothing and never get a gradient.
 */
export async function adapterTensors(
  { adapters, saved }: AdapterParts,
  { idle, rank }: { idle: readonly Target[]; rank: number },
): Promise<[string, StoredTensor][]> {
  const tensors: [string, StoredTensor][] = [];
  for (const [target, own] of adapters) {
    const { a, b } = factorNames(target);
    tensors.push([a, await storeVariable(own.a)], [b, await storeVariable(own.b)]);
  }
  for (const target of idle) {
    const { a, b } = factorNames(target);
    const [outDim, inDim] = target.linear.weight.shape;
    tensors.push([a, zeros([rank, inDim])], [b, zeros([outDim, rank])]);
  }
  for (const { name, variable, isTransposed } of saved)
    tensors.push([name, await storeVariable(variable, { isTransposed })]);
  return tensors
    .map(([name, value]): [string, StoredTensor] => [PREFIX + name, value])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Gives an adapter the values of a file that {@link checkTensors} found right. */
export function fillAdapter({ adapters, saved }: AdapterParts, tensors: ReadonlyMap<string, StoredTensor>): void {
  for (const [target, own] of adapters) {
    const { a, b } = factorNames(target);
    assignStored(own.a, tensors.get(a) as StoredTensor);
    assignStored(own.b, tensors.get(b) as StoredTensor);
  }
  for (const { name, variable, isTransposed } of saved)
    assignStored(variable, tensors.get(name) as StoredTensor, { isTransposed });
}

/** @throws {@link CheckpointError} `mismatch` naming all tensors that don't fit the model. */
export function checkTensors(
  model: AdaptableModel,
  {
    targets,
    tensors,
    rank,
    modulesToSave,
  }: {
    targets: readonly Target[];
    tensors: ReadonlyMap<string, StoredTensor>;
    rank: number;
    modulesToSave: readonly string[];
  },
): void {
  const problems: string[] = [];
  const known = new Set<string>();
  const check = (name: string, wanted: readonly number[]): void => {
    known.add(name);
    const shape = tensors.get(name)?.shape;
    if (!shape) problems.push(`${name} is missing`);
    else if (shape.join() !== wanted.join()) problems.push(`${name} must be [${wanted}], got [${shape}]`);
  };
  for (const target of targets) {
    const { a, b } = factorNames(target);
    const [outDim, inDim] = target.linear.weight.shape;
    check(a, [rank, inDim]);
    check(b, [outDim, rank]);
  }
  for (const parameter of findSaved(model, modulesToSave)) {
    const { name, variable, isTransposed } = parameter;
    check(name, isTransposed ? variable.shape.toReversed() : variable.shape);
    parameter.dispose();
  }
  for (const name of tensors.keys()) if (!known.has(name)) problems.push(`${name} is unexpected`);
  if (targets.length === 0) problems.push('it has no adapter for a linear map of the model');
  if (problems.length > 0)
    throw new CheckpointError('mismatch', `${WEIGHTS}: does not fit the model: ${problems.join('; ')}`);
}

function zeros(shape: readonly [number, number]): StoredTensor {
  return fromFloat32(new Float32Array(shape[0] * shape[1]), shape);
}
