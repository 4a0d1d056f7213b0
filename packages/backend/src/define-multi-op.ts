import type { Tensor } from '@tensorflow/tfjs-core';

import { hasKernel, type OpInputs, presentInputs } from './define-op.ts';
import { alias, isGradientWanted, isTapeOn, recordOperation, withoutTape } from './tape.ts';
import { tfjsEngine } from './tfjs-engine.ts';

/** What {@link defineMultiOp} needs to know. */
export interface MultiOpDefinition<
  Inputs extends OpInputs,
  Attributes extends object,
  Outputs extends readonly Tensor[],
> {
  /** Name of the forward kernel; the backward kernel is called `${name}Gradient`. */
  readonly name: string;
  /** The operation in plain tfjs. */
  readonly composition: (inputs: Inputs, attributes: Attributes) => Outputs;
  /** The inputs that have a gradient. */
  readonly differentiable: readonly (keyof Inputs & string)[];
  /** The inputs that the backward kernel reads. */
  readonly saves: readonly (keyof Inputs & string)[];
  /** The numbers of the outputs that the backward kernel reads, as `y0`, `y1`, ... */
  readonly savesOutputs: readonly number[];
}

/** An operation with several outputs; see {@link defineMultiOp}. */
export interface MultiOp<Inputs extends OpInputs, Attributes extends object, Outputs extends readonly Tensor[]> {
  (inputs: Inputs, attributes: Attributes): Outputs;
  readonly definition: MultiOpDefinition<Inputs, Attributes, Outputs>;
}

/**
 * `defineOp` for operations with several outputs. An engine that has both kernels runs them; any other tfjs backend runs and differentiates the composition.
 *
 * The backward kernel gets `{ dy0?, dy1?, ..., saves, y0?, y1?, ... }`, the gradients of those outputs that have one, and the attributes with `wanted`, the
 * names of the inputs whose gradients are needed; it returns these in that order.
 */
export function defineMultiOp<Inputs extends OpInputs, Attributes extends object, Outputs extends readonly Tensor[]>(
  definition: MultiOpDefinition<Inputs, Attributes, Outputs>,
): MultiOp<Inputs, Attributes, Outputs> {
  const { name, composition, differentiable, saves, savesOutputs } = definition;
  const backward = `${name}Gradient`;
  const run = (inputs: Inputs, attributes: Attributes): Outputs => {
    if (!hasKernel(name) || !hasKernel(backward)) return composition(inputs, attributes);
    const present = presentInputs(inputs);
    const outputs = withoutTape(() => tfjsEngine().runKernel(name, present, attributes)) as unknown as Outputs;
    if (!isTapeOn()) return outputs;
    const saved: Record<string, Tensor> = {};
    for (const key of saves) if (present[key]) saved[key] = alias(present[key]);
    for (const i of savesOutputs) saved[`y${i}`] = alias(outputs[i] as Tensor);
    const gradientInputs: Record<string, Tensor> = {};
    for (const key of differentiable) if (present[key]) gradientInputs[key] = present[key];
    recordOperation({
      kernelName: name,
      inputs: gradientInputs,
      outputs: [...outputs],
      saved: Object.values(saved),
      gradient: (outputGradients) => {
        const wanted = Object.keys(gradientInputs).filter(isGradientWanted);
        const dys: Record<string, Tensor> = {};
        outputGradients.forEach((gradient, i) => {
          if (gradient) dys[`dy${i}`] = gradient;
        });
        const gradients = [tfjsEngine().runKernel(backward, { ...dys, ...saved }, { ...attributes, wanted })].flat();
        return Object.fromEntries(wanted.map((key, i) => [key, () => gradients[i] as Tensor]));
      },
    });
    return outputs;
  };
  return Object.assign(run, { definition });
}
