import { concat, mean, slice, type Tensor, tidy, tile, type Variable, variable } from '@tensorflow/tfjs-core';

import type { AnyModule } from './module.ts';

/** Gives parameters another length along their vocabulary axis: the first values stay, new ones are the mean of the old. Where a parameter is shared, all its places get the new one. */
export function resizeParameters(
  model: AnyModule,
  paths: readonly string[],
  { from, to }: { from: number; to: number },
): void {
  const parameters = model.namedParameters();
  for (const path of paths) {
    const before = parameters.get(path);
    if (!before || from === to) continue; // tied, or not in this model
    const after = tidy(() => variable(resized(before, { axis: before.shape.indexOf(from), to }), before.trainable));
    for (const owner of model.namedModules().values()) replaceField(owner, before, after);
    before.dispose();
  }
}

function resized(parameter: Tensor, { axis, to }: { axis: number; to: number }): Tensor {
  const { shape } = parameter;
  const kept = slice(
    parameter,
    shape.map(() => 0),
    shape.with(axis, Math.min(to, shape[axis] as number)),
  );
  const added = to - (shape[axis] as number);
  if (added <= 0) return kept;
  const average = mean(parameter, axis, true);
  return concat([kept, tile(average, shape.map(() => 1).with(axis, added))], axis);
}

function replaceField(owner: AnyModule, before: Variable, after: Variable): void {
  for (const [name, value] of Object.entries(owner) as [string, unknown][])
    if (value === before) Object.assign(owner, { [name]: after });
}
