import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import {
  elementwise,
  input,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  takeWanted,
  WORKGROUP,
  zeros,
} from '../kernel.ts';
import { addColumnSums } from '../product/column-sums.ts';
import { multiply } from '../product/product.ts';
import { backwardOf, type Cell, initialGradientOf } from './cells.ts';
import { type LayerSizes, layerSizes } from './layer.ts';
import { runStep, runSteps } from './run.ts';

type GradientCall<Attributes = object> = KernelCall<Attributes & { readonly wanted: readonly string[] }>;
type Tensors = Readonly<Record<string, TensorInfo>>;

/** The state before each step, [batch, seq, hidden]. */
function statesBefore(
  backend: FormersWebGPUBackend,
  states: TensorInfo,
  { seq, hidden }: LayerSizes,
  initial: TensorInfo | undefined,
): TensorInfo {
  const before = backend.output(states.shape);
  const size = sizeOf(states);
  backend.run({
    key: `states before${initial ? ' with a first one' : ''}`,
    code: () =>
      elementwise(`
  let j = i % u.hidden;
  let place = i / u.hidden;
  if (place % u.seq > 0u) { before[i] = states[i - u.hidden]; }
  else { before[i] = ${initial ? 'initial[place / u.seq * u.hidden + j]' : '0.0'}; }`),
    reads: { states, ...(initial && { initial }) },
    writes: { before },
    counts: { size, seq, hidden },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
  return before;
}

/** Gradients of the weight and the bias, those that are wanted: one product over all steps, with its row sums. */
function parameterGradients(
  { backend, inputs, attributes: { wanted } }: GradientCall,
  sizes: LayerSizes,
  { states, dProjected }: { states: TensorInfo; dProjected: TensorInfo },
): Tensors {
  const { batch, seq, hidden, gates } = sizes;
  const width = gates * hidden;
  const bias = wanted.includes('bias') ? backend.output([width]) : undefined;
  if (!wanted.includes('weight')) {
    if (bias) addColumnSums(backend, bias, { tensor: dProjected, rows: batch * seq });
    return bias ? { bias } : {};
  }
  const weight = backend.output([width, hidden]);
  const before = statesBefore(backend, states, sizes, inputs['initial']);
  multiply(backend, {
    ...{ rows: width, columns: hidden, depth: batch * seq },
    ...{ a: { tensor: dProjected, transposed: true }, b: { tensor: before }, c: { tensor: weight }, sums: bias },
  });
  backend.disposeData(before.dataId);
  return bias ? { weight, bias } : { weight };
}

/** What the way back gets besides the inputs: the states, and gradients of outputs where there are any. */
interface Outputs {
  readonly y: TensorInfo;
  readonly dy: TensorInfo | undefined;
  readonly dLastCell?: TensorInfo | undefined;
}

/** Gradients where there are no steps or no numbers: only the first cell is the last one, too. */
function emptyGradients({ backend, inputs }: GradientCall, { y, dLastCell }: Outputs): Tensors {
  const weight = input({ inputs }, 'weight');
  const [width = 0] = weight.shape;
  const [batch = 0, seq = 0, hidden = 0] = y.shape;
  const shapes = { inputs: [batch, seq, width], weight: weight.shape, bias: [width], initial: [batch, hidden] };
  const zerosByName = Object.entries(shapes).map(([name, shape]) => [name, zeros(backend, shape)]);
  const initialCell = dLastCell ? backend.alias(dLastCell) : zeros(backend, [batch, hidden]);
  return { ...Object.fromEntries(zerosByName), initialCell };
}

/** Goes back through the steps, then makes the gradients of what all steps share. */
function gradientsOf(call: GradientCall, cell: Cell, { y, dy, dLastCell }: Outputs): Tensors {
  const { backend, inputs, attributes } = call;
  const weight = input(call, 'weight');
  const sizes = layerSizes(weight, y.shape);
  const { batch, seq, hidden, gates } = sizes;
  const { initial, initialCell } = inputs;
  const isGated = cell === 'gru';
  const dProjected = backend.output([batch, seq, gates * hidden]);
  const dInputs = isGated ? backend.output(dProjected.shape) : dProjected;
  const carry = isGated || cell === 'lstm' ? backend.output([batch, hidden]) : undefined;
  runSteps(backend, sizes, {
    direction: backwardOf(cell, { dy, dLastCell, initial, initialCell }),
    reads: {
      ...{ matrix: weight, ...(carry && { kept: backend.side(y)['kept'] as TensorInfo }) },
      ...(cell !== 'lstm' && { states: y }),
      ...(isGated && initial && { initial }),
      ...(initialCell && { initialCell }),
      ...(dy && { dy }),
      ...(dLastCell && { dLastCell }),
    },
    writes: { dProjected, ...(isGated && { dInputs }), ...(carry && { carry }) },
  });
  const dInitial = attributes.wanted.includes('initial') ? backend.output([batch, hidden]) : undefined;
  if (dInitial)
    runStep(backend, sizes, {
      direction: initialGradientOf(cell),
      reads: { matrix: weight, dProjected, ...(isGated && { carry: carry as TensorInfo }) },
      writes: { dInitial },
      first: 2 ** 32 - 1, // one before 0
    });
  const gradients = parameterGradients(call, sizes, { states: y, dProjected });
  if (isGated) backend.disposeData(dProjected.dataId);
  return {
    ...{ inputs: dInputs, ...gradients },
    ...(dInitial && { initial: dInitial }),
    ...(carry && { [isGated ? 'carry' : 'initialCell']: carry }),
  };
}

function goBack(call: GradientCall, cell: Cell, outputs: Outputs): TensorInfo[] {
  const isEmpty = sizeOf(outputs.y) === 0;
  return takeWanted(call, isEmpty ? emptyGradients(call, outputs) : gradientsOf(call, cell, outputs));
}

/** Gradient kernels of `rnn`, `lstm` and `gru` in @formers/backend. */
export const recurrentGradientKernels: KernelTable = {
  FormersRNNGradient: (call: GradientCall<{ activation: 'tanh' | 'relu' }>) =>
    goBack(call, `rnn ${call.attributes.activation}`, { y: input(call, 'y'), dy: input(call, 'dy') }),
  FormersLSTMGradient: (call: GradientCall) =>
    goBack(call, 'lstm', { y: input(call, 'y0'), dy: call.inputs['dy0'], dLastCell: call.inputs['dy1'] }),
  FormersGRUGradient: (call: GradientCall) => goBack(call, 'gru', { y: input(call, 'y'), dy: input(call, 'dy') }),
};
