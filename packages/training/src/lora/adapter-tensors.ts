import { CheckpointError, fromFloat32, type StoredTensor } from '@formers/checkpoints';

import { assignStored, storeVariable } from '../stored-variable.ts';
import { copiesOf, findBiases } from './biases.ts';
import type { LowRank } from './low-rank.ts';
import type { PeftConfig } from './peft-config.ts';
import { findSaved } from './saved-modules.ts';
import type { SavedParameter } from './saved-parameter.ts';
import type { AdaptableModel, ModuleNames, Target } from './targets.ts';

/** Name of the file with the tensors of an adapter. */
export const WEIGHTS = 'adapter_model.safetensors';

const PREFIX = 'base_model.model.';

/** What an adapter trains. */
export interface AdapterParts {
  readonly adapters: ReadonlyMap<Target, LowRank>;
  readonly saved: readonly SavedParameter[];
  readonly biases: readonly SavedParameter[];
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
 * @param options.hasCopies Whether saved modules' biases are there again, as PEFT has them with all biases.
 */
export async function adapterTensors(
  { adapters, saved, biases }: AdapterParts,
  { idle, rankOf, hasCopies }: { idle: readonly Target[]; rankOf: (target: Target) => number; hasCopies: boolean },
): Promise<[string, StoredTensor][]> {
  const tensors: [string, StoredTensor][] = [];
  for (const [target, own] of adapters) {
    const { a, b } = factorNames(target);
    tensors.push([a, await storeVariable(own.a)], [b, await storeVariable(own.b)]);
  }
  for (const target of idle) {
    const { a, b } = factorNames(target);
    const [outDim, inDim] = target.linear.weight.shape;
    tensors.push([a, zeros([rankOf(target), inDim])], [b, zeros([outDim, rankOf(target)])]);
  }
  for (const parameter of [...saved, ...biases]) {
    const { name, aliases, own, isTransposed } = parameter;
    for (const each of [name, ...aliases]) tensors.push([each, await storeVariable(own, { isTransposed })]);
  }
  for (const parameter of hasCopies ? saved : []) {
    const copies = copiesOf(parameter);
    if (!copies) continue;
    tensors.push([copies.own, await storeVariable(parameter.own)]);
    tensors.push([copies.original, await storeVariable(parameter.original)]);
  }
  return tensors
    .map(([name, value]): [string, StoredTensor] => [PREFIX + name, value])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Gives an adapter the values of a file that {@link checkTensors} found right. */
export function fillAdapter(
  { adapters, saved, biases }: AdapterParts,
  tensors: ReadonlyMap<string, StoredTensor>,
): void {
  for (const [target, own] of adapters) {
    const { a, b } = factorNames(target);
    assignStored(own.a, tensors.get(a) as StoredTensor);
    assignStored(own.b, tensors.get(b) as StoredTensor);
  }
  for (const { name, variable, isTransposed } of saved)
    assignStored(variable, tensors.get(name) as StoredTensor, { isTransposed });
  for (const { name, variable } of biases) {
    const stored = tensors.get(name); // old releases of PEFT forgot those of the adapted maps
    if (stored) assignStored(variable, stored);
  }
}

/** @throws {@link CheckpointError} `mismatch` naming all tensors that don't fit the model. */
export function checkTensors(
  model: AdaptableModel,
  {
    targets,
    tensors,
    rankOf,
    modulesToSave,
    moduleNames,
    bias,
  }: {
    targets: readonly Target[];
    tensors: ReadonlyMap<string, StoredTensor>;
    rankOf: (target: Target) => number;
    modulesToSave: readonly string[];
    moduleNames: ModuleNames;
    bias: PeftConfig['bias'];
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
    check(a, [rankOf(target), inDim]);
    check(b, [outDim, rankOf(target)]);
  }
  const saved = findSaved(model, modulesToSave, { moduleNames });
  const biases = findBiases(model, { bias, wrapped: targets, saved, moduleNames });
  for (const parameter of saved) {
    const { name, variable, isTransposed } = parameter;
    check(name, isTransposed ? variable.shape.toReversed() : variable.shape);
    for (const copy of bias === 'all' ? Object.values(copiesOf(parameter) ?? {}) : []) known.add(copy);
  }
  for (const { name, aliases, variable } of biases) {
    if (tensors.has(name)) check(name, variable.shape);
    for (const alias of aliases) known.add(alias);
  }
  for (const parameter of [...saved, ...biases]) parameter.dispose();
  for (const name of tensors.keys()) if (!known.has(name)) problems.push(`${name} is unexpected`);
  if (targets.length === 0) problems.push('it has no adapter for a linear map of the model');
  if (problems.length > 0)
    throw new CheckpointError('mismatch', `${WEIGHTS}: does not fit the model: ${problems.join('; ')}`);
}

function zeros(shape: readonly [number, number]): StoredTensor {
  return fromFloat32(new Float32Array(shape[0] * shape[1]), shape);
}
