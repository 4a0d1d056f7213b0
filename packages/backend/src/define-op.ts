import { getKernel, type Tensor } from '@tensorflow/tfjs-core';

import { alias, gradientsToCome, isGradientWanted, isTapeOn, recordOperation, vjp, withoutTape } from './tape.ts';
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
  /** Whether the backward kernel reads the output `y` (an engine may hang side results on its data); may depend on the attributes. */
  readonly savesOutput: boolean | ((attributes: Attributes) => boolean);
  /**
   * Whether the forward kernel is told which gradients are going to be asked for, `ahead` among its attributes, because it can make them on its way at less cost and
   * leave them to the backward kernel. Default false.
   */
  readonly looksAhead?: boolean;
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
  const { name, composition, differentiable, looksAhead = false } = definition;
  const run = (inputs: Inputs, attributes: Attributes): Output => {
    if (!hasKernel(name)) return composition(inputs, attributes);
    const present = presentInputs(inputs);
    const ahead = looksAhead ? gradientsToCome(named(present, differentiable)) : undefined;
    const told = ahead ? { ...attributes, ahead } : attributes;
    const output = withoutTape(() => tfjsEngine().runKernel(name, present, told)) as Output;
    if (isTapeOn()) record(definition, { inputs, present, attributes, output, ahead });
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

/** Those of these names that are there. */
function named(present: Readonly<Record<string, Tensor>>, names: readonly string[]): Record<string, Tensor> {
  const chosen: Record<string, Tensor> = {};
  for (const name of names) if (present[name]) chosen[name] = present[name];
  return chosen;
}

interface Call<Inputs extends OpInputs, Attributes extends object, Output extends Tensor> {
  inputs: Inputs;
  present: Record<string, Tensor>;
  attributes: Attributes;
  output: Output;
  /** The gradients that the forward kernel was told of. */
  ahead: readonly string[] | undefined;
}

function record<Inputs extends OpInputs, Attributes extends object, Output extends Tensor>(
  { name, composition, differentiable, saves, savesOutput }: OpDefinition<Inputs, Attributes, Output>,
  { inputs, present, attributes, output, ahead }: Call<Inputs, Attributes, Output>,
): void {
  const backward = `${name}Gradient`;
  const fused = hasKernel(backward);
  const gradientInputs = named(present, differentiable);
  const isSure = !ahead || ahead.length === Object.keys(gradientInputs).length;
  const saved: Record<string, Tensor> = {};
  for (const key of fused && isSure ? saves : Object.keys(present)) if (present[key]) saved[key] = alias(present[key]);
  if (fused && (typeof savesOutput === 'function' ? savesOutput(attributes) : savesOutput)) saved['y'] = alias(output);
  recordOperation({
    kernelName: name,
    inputs: gradientInputs,
    outputs: [output],
    saved: Object.values(saved),
    gradient: ([dy]) => {
      const wanted = Object.keys(gradientInputs).filter(isGradientWanted);
      // What records itself, as tfjs's own functions of gradients do, may ask for more than the forward kernel was told of.
      const isMade = !ahead || wanted.every((key) => ahead.includes(key));
      const gradients =
        fused && isMade
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
