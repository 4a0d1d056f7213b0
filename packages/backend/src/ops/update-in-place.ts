import { add, type NamedTensorMap, type Tensor, tidy, Variable } from '@tensorflow/tfjs-core';

import { withoutTape } from '../tape.ts';
import { tfjsEngine } from '../tfjs-engine.ts';

/** What a step of an optimizer uses of one parameter, by name. Variables are written into. */
export type UpdateSlot = Readonly<Record<string, Tensor | undefined>>;

/** Inputs and attributes of an {@link updateInPlace}. */
export interface Update {
  readonly slots: readonly UpdateSlot[];
  /** Inputs that belong to no slot. */
  readonly shared: NamedTensorMap;
  readonly attributes: object;
}

/**
 * Runs a kernel that writes into variables. Its inputs are called as in the slots, with the number of the slot behind: `parameter0, gradient0,
 * parameter1, ...`; absent ones are left out.
 */
export function updateInPlace(kernel: string, { slots, shared, attributes }: Update): void {
  const inputs: NamedTensorMap = { ...shared };
  slots.forEach((slot, i) => {
    for (const name in slot) {
      const tensor = slot[name];
      if (!tensor) continue;
      if (tensor instanceof Variable) own(tensor);
      inputs[`${name}${i}`] = tensor;
    }
  });
  withoutTape(() => tidy(() => void tfjsEngine().runKernel(kernel, inputs, attributes))); // what the kernel returns says nothing
}

/** Gives a variable its own copy of its data if a clone or a reshape shares it. */
function own(variable: Variable): void {
  if (tfjsEngine().backend.refCount(variable.dataId) > 1) tidy(() => variable.assign(add(variable, 0)));
}
