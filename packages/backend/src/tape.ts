import { add, clone, keep, ones, type Tensor, tidy, zeros } from '@tensorflow/tfjs-core';

import { ShapeError } from './errors.ts';
import { type TapeNode, tfjsEngine } from './tfjs-engine.ts';

/** A value and its gradients. Both belong to the caller. */
export interface ValueAndGradients<T extends Tensor> {
  value: T;
  /** One per asked-for tensor, in order; zeros where the value doesn't depend on it. */
  gradients: Tensor[];
}

/**
 * The value of `f()` and its gradient with respect to each of `xs` (variables or tensors that `f` reads).
 *
 * Reverse mode over tfjs's tape, with an own reverse pass: activations are freed as soon as they are used, and it may run inside a gradient function
 * (tfjs's own `grads` clears the outer tape there).
 *
 * @param f Computes the value from `xs`; borrows them.
 * @param options.outputGradient The gradient of the value, of its shape; default ones.
 */
export function valueAndGradients<T extends Tensor>(
  f: () => T,
  xs: readonly Tensor[],
  options: { outputGradient?: Tensor } = {},
): ValueAndGradients<T> {
  const { state } = tfjsEngine();
  // A fresh tape: inside a gradient function the outer one is still being walked, inside f of an outer call it goes on afterwards.
  const outer = { activeTape: state.activeTape, gradientDepth: state.gradientDepth, kernelDepth: state.kernelDepth };
  const tape: TapeNode[] = [];
  Object.assign(state, { activeTape: tape, gradientDepth: 1, kernelDepth: 0 });
  const outerRecording = recording;
  recording = { tape, xs };
  let value: T;
  try {
    value = tidy(() => ownResult(f(), xs));
  } catch (error) {
    disposeSaved(tape);
    throw error;
  } finally {
    Object.assign(state, outer);
    recording = outerRecording;
  }
  try {
    const { outputGradient } = options;
    if (outputGradient && outputGradient.shape.join() !== value.shape.join()) {
      throw new ShapeError(`valueAndGradients: outputGradient must be [${value.shape}], got [${outputGradient.shape}]`);
    }
    const gradients = withoutTape(() => tidy(() => reversePass(tape, xs, value, outputGradient)));
    return { value, gradients };
  } catch (error) {
    value.dispose();
    throw error;
  } finally {
    disposeSaved(tape);
  }
}

/** Vector-Jacobian product: the gradients of `f()` with respect to `xs`, given the gradient of its value. Shapes are those of `xs`. */
export function vjp(f: () => Tensor, xs: readonly Tensor[], outputGradient: Tensor): Tensor[] {
  const { value, gradients } = valueAndGradients(f, xs, { outputGradient });
  value.dispose();
  return gradients;
}

/** Runs `f` without recording: what happens inside is not differentiated. */
export function withoutTape<T>(f: () => T): T {
  const { state } = tfjsEngine();
  state.kernelDepth++;
  try {
    return f();
  } finally {
    state.kernelDepth--;
  }
}

/** Whether operations are being recorded for a gradient. */
export function isTapeOn(): boolean {
  const { state } = tfjsEngine();
  return state.gradientDepth > 0 && state.kernelDepth === 0;
}

/** Whether a gradient of what operations give will be found: a tape is on, or {@link withoutTape} suspends one. For engines, that keep results for it in another way. */
export function isInGradient(): boolean {
  return tfjsEngine().state.gradientDepth > 0;
}

/** Appends an operation to the tape. `saved` are aliases from {@link alias}; the tape frees them. */
export function recordOperation(node: Omit<TapeNode, 'id'>): void {
  const { state } = tfjsEngine();
  state.activeTape?.push({ ...node, id: state.nextTapeNodeId++ });
}

/** The innermost {@link valueAndGradients} that records, and what it differentiates by. */
let recording: { readonly tape: readonly TapeNode[]; readonly xs: readonly Tensor[] } | undefined;

/** Names of the tensors whose gradients may be asked for once what is recorded now is differentiated: all that are given where that can't be told. */
export function gradientsToCome(tensors: Readonly<Record<string, Tensor>>): string[] {
  if (!isTapeOn()) return [];
  const names = Object.keys(tensors);
  if (!recording || recording.tape !== tfjsEngine().state.activeTape) return names;
  const dependent = new Set(recording.xs.map((x) => x.id));
  for (const { inputs, outputs } of recording.tape) {
    if (Object.values(inputs).some((input) => dependent.has(input.id)))
      for (const output of outputs) dependent.add(output.id);
  }
  return names.filter((name) => dependent.has(tensors[name]?.id ?? -1));
}

/** A second handle to the same values that outlives the current scope. */
export function alias(tensor: Tensor): Tensor {
  const engine = tfjsEngine();
  const { dataId, shape, dtype } = tensor;
  engine.backend.incRef(dataId);
  return keep(engine.makeTensorFromTensorInfo({ dataId, shape, dtype }));
}

/** What a function made, or another handle to it where it is one of its inputs: those are borrowed, the result is the caller's. */
export function ownResult<T extends Tensor>(result: T, inputs: readonly Tensor[]): T {
  return inputs.includes(result) ? clone(result) : result;
}

/** Names of the inputs that the running gradient function must answer for; others may be left out. */
let wantedInputs: ReadonlySet<string> | undefined;

/** Inside a gradient function: whether the gradient of this input is asked for. */
export function isGradientWanted(input: string): boolean {
  return wantedInputs?.has(input) ?? true;
}

function reversePass(
  tape: TapeNode[],
  xs: readonly Tensor[],
  value: Tensor,
  outputGradient: Tensor | undefined,
): Tensor[] {
  const dependent = new Set(xs.map((x) => x.id)); // ids of the tensors that depend on xs
  const nodes = tape.filter((node) => {
    const depends = Object.values(node.inputs).some((input) => dependent.has(input.id));
    if (depends) for (const output of node.outputs) dependent.add(output.id);
    else disposeSaved([node]);
    return depends;
  });
  const asked = new Set(xs.map((x) => x.id));
  const gradients = new Map<number, Tensor>([[value.id, outputGradient ? outputGradient.clone() : ones(value.shape)]]);

  for (const node of nodes.reverse()) {
    const outputGradients = node.outputs.map((output) => gradients.get(output.id) ?? null);
    if (outputGradients.some((gradient) => gradient !== null)) accumulate(node, outputGradients, dependent, gradients);
    disposeSaved([node]);
    for (const output of node.outputs) {
      if (asked.has(output.id)) continue;
      gradients.get(output.id)?.dispose();
      gradients.delete(output.id);
    }
  }
  return xs.map((x, i) => {
    const gradient = gradients.get(x.id) ?? zeros(x.shape);
    return xs.indexOf(x) < i ? clone(gradient) : gradient; // asked for twice
  });
}

/** Adds what one operation contributes to the gradients of its inputs. */
function accumulate(
  node: TapeNode,
  outputGradients: (Tensor | null)[],
  dependent: ReadonlySet<number>,
  gradients: Map<number, Tensor>,
): void {
  const { gradient } = node;
  if (!gradient)
    throw new Error(
      `${node.kernelName} has no gradient; write it with operations that have one, or give it one with defineOp`,
    );
  const names = Object.keys(node.inputs).filter((name) => dependent.has(node.inputs[name]?.id ?? -1));
  const contributions = tidy(() => {
    const outer = wantedInputs;
    wantedInputs = new Set(names);
    try {
      const lazy = gradient(outputGradients);
      return names.map((name) => {
        const contribution = lazy[name]?.();
        if (!contribution) throw new Error(`${node.kernelName} has no gradient for its input "${name}"`);
        return contribution;
      });
    } finally {
      wantedInputs = outer;
    }
  });
  contributions.forEach((contribution, i) => {
    const id = node.inputs[names[i] ?? '']?.id ?? -1;
    const before = gradients.get(id);
    // A gradient function may hand a tensor through unchanged (addition does, to both of its inputs): then it isn't ours alone.
    const shared =
      outputGradients.includes(contribution) ||
      node.saved.includes(contribution) ||
      contributions.lastIndexOf(contribution) > i;
    gradients.set(id, before ? add(before, contribution) : shared ? contribution.clone() : contribution);
    before?.dispose();
    if (before && !shared) contribution.dispose();
  });
}

function disposeSaved(nodes: readonly TapeNode[]): void {
  for (const node of nodes) {
    for (const tensor of node.saved) if (!tensor.isDisposed) tensor.dispose();
    node.saved = [];
  }
}
