import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { multiply, packedOnce } from '../engine/matrix-product.ts';
import { fillZeros, input, type KernelCall, type KernelTable, takeWanted } from './kernel.ts';
import { type RecurrentSizes, recurrentSizes, stateOrZeros, stepMatrix } from './recurrent.ts';

type GradientCall<Attributes = object> = KernelCall<Attributes & { readonly wanted: readonly string[] }>;

/** Addresses while the gradient goes back through the steps. */
interface Pass {
  readonly sizes: RecurrentSizes;
  readonly states: number;
  readonly initial: number;
  /** Gradient of the states as outputs; 0 = none. */
  readonly dy: number;
  /** [batch, hidden], gradient of the state from the steps after. */
  readonly dState: number;
  readonly dInputs: number;
  /** [batch, seq, width], gradient of the projected states. */
  readonly dProjected: number;
}

interface Way {
  /** The states, the output that the forward kernel made. */
  readonly y: TensorInfo;
  readonly dy: TensorInfo | undefined;
  /** Whether projected states have gradients of their own, and a share of the gradient of a state goes past them. */
  readonly apart: boolean;
  /** Runs the pointwise kernel of a step, with these first arguments. */
  readonly step: (pass: Pass, common: readonly number[]) => void;
}

/** Goes back through the steps. Returns the gradients of `inputs`, `weight`, `bias` and `initial`, those that are wanted. */
function goBack(call: GradientCall, { y, dy, apart, step }: Way): Record<string, TensorInfo> {
  const { backend, inputs, attributes } = call;
  const { engine } = backend;
  const weight = input(call, 'weight');
  const sizes = recurrentSizes(weight, y.shape);
  const { batch, seq, hidden, width } = sizes;
  const gradients: Record<string, TensorInfo> = { inputs: backend.output([batch, seq, width]) };
  const dInputs = backend.address(gradients['inputs'] as TensorInfo);
  const { at: initial, made } = stateOrZeros(backend, inputs['initial'], batch * hidden);
  const dState = fillZeros(backend, backend.output([batch, hidden]));
  const dProjected = apart ? engine.allocate(batch * seq * width * 4) : dInputs;
  const pass = {
    ...{ sizes, initial, dInputs, dProjected, states: backend.address(y) },
    dy: dy ? backend.address(dy) : 0,
    dState: backend.address(dState),
  };
  const wanted = new Set(attributes.wanted);
  const packed = packedOnce(engine);
  for (let t = seq - 1; t >= 0 && batch * hidden > 0; t--) {
    step(pass, [batch, hidden, seq, t]);
    if (t === 0 && !wanted.has('initial')) break;
    multiply(engine, {
      ...{ rows: batch, columns: hidden, depth: width },
      a: stepMatrix(dProjected, { t, seq, width }),
      b: { address: backend.address(weight), stride: hidden },
      c: { address: pass.dState, stride: hidden },
      accumulate: apart,
      keepB: packed.keepB,
    });
  }
  packed.free();
  if (wanted.has('weight') || wanted.has('bias')) Object.assign(gradients, parameterGradients(backend, pass));
  if (wanted.has('initial')) gradients['initial'] = dState;
  else backend.disposeData(dState.dataId);
  if (apart) engine.free(dProjected);
  if (made) engine.free(made);
  return gradients;
}

/** One product over all steps: gradients of the weight and, as sums, of the bias. */
function parameterGradients(
  backend: SimdBackend,
  { sizes, states, initial, dProjected }: Pass,
): Record<string, TensorInfo> {
  const { engine } = backend;
  const { batch, seq, hidden, width } = sizes;
  const weight = backend.output([width, hidden]);
  const bias = backend.output([width]);
  if (batch * seq * hidden === 0) return { weight: fillZeros(backend, weight), bias: fillZeros(backend, bias) };
  const before = engine.allocate(batch * seq * hidden * 4); // the state before each step
  const row = hidden * 4;
  const { u8 } = engine.memory;
  for (let b = 0; b < batch; b++) {
    const at = before + b * seq * row;
    u8.copyWithin(at, initial + b * row, initial + (b + 1) * row);
    u8.copyWithin(at + row, states + b * seq * row, states + ((b + 1) * seq - 1) * row);
  }
  multiply(engine, {
    ...{ rows: width, columns: hidden, depth: batch * seq },
    a: { address: dProjected, stride: width, transposed: true },
    b: { address: before, stride: hidden },
    c: { address: backend.address(weight), stride: hidden },
    sums: backend.address(bias),
  });
  engine.free(before);
  return { weight, bias };
}

function rnnGradient(call: GradientCall<{ activation: 'tanh' | 'relu' }>): TensorInfo[] {
  const { engine } = call.backend;
  const relu = call.attributes.activation === 'relu' ? 1 : 0;
  const gradients = goBack(call, {
    y: input(call, 'y'),
    dy: input(call, 'dy'),
    apart: false,
    step: ({ sizes, states, dy, dState, dInputs }, common) =>
      engine.run('rnnStepGradient', [...common, states, dy, dState, dInputs, relu], {
        work: sizes.batch * sizes.width * 4,
      }),
  });
  return takeWanted(call, gradients);
}

function gruGradient(call: GradientCall): TensorInfo[] {
  const { backend } = call;
  const y = input(call, 'y');
  const gates = backend.side(y)['gates'] as number;
  const gradients = goBack(call, {
    y,
    dy: input(call, 'dy'),
    apart: true,
    step: ({ sizes, states, initial, dy, dState, dInputs, dProjected }, common) =>
      backend.engine.run('gruStepGradient', [...common, gates, states, initial, dy, dState, dInputs, dProjected], {
        work: sizes.batch * sizes.width * 4,
      }),
  });
  return takeWanted(call, gradients);
}

function lstmGradient(call: GradientCall): TensorInfo[] {
  const { backend, inputs } = call;
  const { engine } = backend;
  const y = input(call, 'y0');
  const { gates = 0, cells = 0 } = backend.side(y);
  const [batch = 0, , hidden = 0] = y.shape;
  const { at: firstCell, made } = stateOrZeros(backend, inputs['initialCell'], batch * hidden);
  const dCell = backend.output([batch, hidden]);
  const { dy1 } = inputs;
  if (dy1) backend.values(dCell).set(backend.values(dy1));
  else fillZeros(backend, dCell);
  const gradients = goBack(call, {
    y,
    dy: inputs['dy0'],
    apart: false,
    step: ({ sizes, dy, dState, dInputs }, common) =>
      engine.run(
        'lstmStepGradient',
        [...common, gates, cells, firstCell, dy, dState, backend.address(dCell), dInputs],
        {
          work: sizes.batch * sizes.width * 4,
        },
      ),
  });
  if (made) engine.free(made);
  return takeWanted(call, { ...gradients, initialCell: dCell });
}

/** Gradient kernels of `rnn`, `lstm` and `gru` in @formers/backend. */
export const recurrentGradientKernels: KernelTable = {
  FormersRNNGradient: rnnGradient,
  FormersLSTMGradient: lstmGradient,
  FormersGRUGradient: gruGradient,
};
