import { getKernel, type Tensor } from '@tensorflow/tfjs-core';

import { alias, isGradientWanted, isTapeOn, recordOperation, vjp, withoutTape } from './tape.ts';
import { tfjsEngine } from './tfjs-engine.ts';

/** Tensors by name; an optional one may be absent. */
export type OpInputs = Readonly<Record<string, Tensor | undefined>>;

/** What {@link defineOp} needs to know. */
export interface OpDefinition<Inputs extends OpInputs, Attributes extends object, Output extends Tensor> {
  /** Name of the forward kernel; the backward kernel is called `${name}Gradient`. */
  readonly name: string;
  /** The operation in plain tfjs: fallback for engines without the kernels, documentation, and oracle for those with them. */
  readonly composition: (inputs: Inputs, attributes: Attributes) => Output;
  /** The inputs that have a gradient. */
  readonly differentiable: readonly (keyof Inputs & string)[];
  /** The inputs that the backward kernel reads, besides the gradient `dy` of the output. */
  readonly saves: readonly (keyof Inputs & string)[];
  /** Whether the backward kernel reads the output `y` (an engine may hang side results on its data). */
  readonly savesOutput: boolean;
}

/** An operation; see {@link defineOp}. */
export interface Op<Inputs extends OpInputs, Attributes extends object, Output extends Tensor> {
  (inputs: Inputs, attributes: Attributes): Output;
  readonly definition: OpDefinition<Inputs, Attributes, Output>;
}

/**
 * An operation that engines may fuse. The active engine runs it by its kernel `name` if it has one, else as the composition;
 * the same holds for the gradient: the kernel `${name}Gradient`, else the composition is differentiated.
 *
 * The backward kernel gets `{ dy, ...saves, y? }` and the attributes with `wanted`, the names of the inputs whose gradients are needed, and returns
 * these gradients in that order.
 */
export function defineOp<Inputs extends OpInputs, Attributes extends object, Output extends Tensor>(
  definition: OpDefinition<Inputs, Attributes, Output>,
): Op<Inputs, Attributes, Output> {
  const { name, composition } = definition;
  const run = (inputs: Inputs, attributes: Attributes): Output => {
    if (!hasKernel(name)) return composition(inputs, attributes);
    const present = presentInputs(inputs);
    const output = withoutTape(() => tfjsEngine().runKernel(name, present, attributes)) as Output;
    if (isTapeOn()) record(definition, { inputs, present, attributes, output });
    return output;
  };
  return Object.assign(run, { definition });
}

/** Whether the active engine has its own kernel of this name. */
export function hasKernel(name: string): boolean {
  return getKernel(name, tfjsEngine().backendName) !== undefined;
}

/** The inputs that are there. */
export function presentInputs(inputs: OpInputs): Record<string, Tensor> {
  const present: Record<string, Tensor> = {};
  for (const key in inputs) {
    const tensor = inputs[key];
    if (tensor) present[key] = tensor;
  }
  return present;
}

interface Call<Inputs extends OpInputs, Attributes extends object, Output extends Tensor> {
  inputs: Inputs;
  present: Record<string, Tensor>;
  attributes: Attributes;
  output: Output;
}

function record<Inputs extends OpInputs, Attributes extends object, Output extends Tensor>(
  { name, composition, differentiable, saves, savesOutput }: OpDefinition<Inputs, Attributes, Output>,
  { inputs, present, attributes, output }: Call<Inputs, Attributes, Output>,
): void {
  const backward = `${name}Gradient`;
  const fused = hasKernel(backward);
  const saved: Record<string, Tensor> = {};
  for (const key of fused ? saves : Object.keys(present)) if (present[key]) saved[key] = alias(present[key]);
  if (fused && savesOutput) saved['y'] = alias(output);
  const gradientInputs: Record<string, Tensor> = {};
  for (const key of differentiable) if (present[key]) gradientInputs[key] = present[key];

  recordOperation({
    kernelName: name,
    inputs: gradientInputs,
    outputs: [output],
    saved: Object.values(saved),
    gradient: ([dy]) => {
      const wanted = Object.keys(gradientInputs).filter(isGradientWanted);
      const gradients = fused
        ? [tfjsEngine().runKernel(backward, { dy: dy as Tensor, ...saved }, { ...attributes, wanted })].flat()
        : vjp(
            () => composition({ ...inputs, ...saved }, attributes),
            wanted.map((key) => saved[key] as Tensor),
            dy as Tensor,
          );
      return Object.fromEntries(wanted.map((key, i) => [key, () => gradients[i] as Tensor]));
    },
  });
}
