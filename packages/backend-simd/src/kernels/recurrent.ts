import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { type Matrix, multiply, packedOnce } from '../engine/matrix-product.ts';
import { input, type KernelCall, type KernelTable } from './kernel.ts';

/** Sizes of a recurrent layer. */
export interface RecurrentSizes {
  readonly batch: number;
  readonly seq: number;
  readonly hidden: number;
  /** Of all gates together. */
  readonly width: number;
}

/** Sizes by the shape of a sequence and the weight. */
export function recurrentSizes(weight: TensorInfo, [batch = 0, seq = 0]: readonly number[]): RecurrentSizes {
  const [width = 0, hidden = 0] = weight.shape;
  return { batch, seq, hidden, width };
}

/** Step t of a sequence [batch, seq, width] as a matrix [batch, width]. */
export function stepMatrix(address: number, { t, seq, width }: { t: number; seq: number; width: number }): Matrix {
  return { address: address + t * width * 4, stride: seq * width };
}

/** Address of a state [batch, hidden], and of a block of zeros where there is none; that one is `made` and has to be freed. */
export function stateOrZeros(
  backend: SimdBackend,
  state: TensorInfo | undefined,
  size: number,
): { at: number; made: number } {
  const { engine } = backend;
  if (state) return { at: backend.address(state), made: 0 };
  const made = engine.allocate(size * 4);
  engine.memory.u8.fill(0, made, made + size * 4);
  return { at: made, made };
}

/** A forward pass: what a layer keeps per step, and the addresses of its states. */
interface Run {
  readonly sizes: RecurrentSizes;
  readonly states: number;
  readonly initial: number;
  /** The weight, which every step uses. */
  readonly packed: ReturnType<typeof packedOnce>;
}

/** Target = state before step t · Wᵀ + bias (+ residual, of the target's layout). */
function project(
  { backend, inputs }: KernelCall,
  { sizes: { batch, seq, hidden, width }, states, initial, packed: { keepB } }: Run,
  { t, target, residual = 0 }: { t: number; target: Matrix; residual?: number },
): void {
  const { weight, bias } = inputs;
  multiply(backend.engine, {
    rows: batch,
    columns: width,
    depth: hidden,
    a: t === 0 ? { address: initial, stride: hidden } : stepMatrix(states, { t: t - 1, seq, width: hidden }),
    b: { address: backend.address(weight as TensorInfo), stride: hidden, transposed: true },
    c: target,
    bias: bias ? backend.address(bias) : 0,
    residual,
    keepB,
  });
}

/** Runs a layer: `forStep` for each step, with room for the states of all. */
function run(
  call: KernelCall<never>,
  forStep: (run: Run & { readonly t: number; readonly common: readonly number[] }) => void,
): TensorInfo {
  const { backend, inputs } = call;
  const sizes = recurrentSizes(input(call, 'weight'), input(call, 'inputs').shape);
  const { batch, seq, hidden } = sizes;
  const y = backend.output([batch, seq, hidden]);
  const { at: initial, made } = stateOrZeros(backend, inputs['initial'], batch * hidden);
  const states = backend.address(y);
  const packed = packedOnce(backend.engine);
  if (batch * hidden > 0)
    for (let t = 0; t < seq; t++) forStep({ sizes, states, initial, packed, t, common: [batch, hidden, seq, t] });
  packed.free();
  if (made) backend.engine.free(made);
  return y;
}

/** Address of step t of the inputs. */
const inputsAt = ({ backend, inputs }: KernelCall<never>, { t, sizes }: { t: number; sizes: RecurrentSizes }) =>
  backend.address(input({ inputs }, 'inputs')) + t * sizes.width * 4;

function rnn(call: KernelCall<{ activation: 'tanh' | 'relu' }>): TensorInfo {
  const { engine } = call.backend;
  return run(call as KernelCall<never>, (step) => {
    const { t, sizes, states, common } = step;
    const target = stepMatrix(states, { t, seq: sizes.seq, width: sizes.hidden });
    project(call as KernelCall<never>, step, { t, target, residual: inputsAt(call as KernelCall<never>, step) });
    engine.run('rnnStep', [...common, states, call.attributes.activation === 'relu' ? 1 : 0], {
      work: sizes.batch * sizes.hidden * 4,
    });
  });
}

function lstm(call: KernelCall<never>): TensorInfo[] {
  const { backend, inputs } = call;
  const { engine } = backend;
  const { batch, seq, hidden, width } = recurrentSizes(input(call, 'weight'), input(call, 'inputs').shape);
  const gates = engine.allocate(batch * seq * width * 4);
  const cells = engine.allocate(batch * seq * hidden * 4);
  const { at: firstCell, made } = stateOrZeros(backend, inputs['initialCell'], batch * hidden);
  const y = run(call, (step) => {
    const { t, states, common } = step;
    project(call, step, { t, target: stepMatrix(gates, { t, seq, width }), residual: inputsAt(call, step) });
    engine.run('lstmStep', [...common, gates, cells, states, firstCell], { work: batch * width * 4 });
  });
  backend.attach(y, { gates, cells });
  const lastCell = backend.output([batch, hidden]);
  const last = {
    address: seq === 0 ? firstCell : cells + (seq - 1) * hidden * 4,
    stride: (seq === 0 ? 1 : seq) * hidden,
  };
  engine.run(
    'copyRows',
    [batch, hidden * 4, last.address, last.stride * 4, backend.address(lastCell), hidden * 4, batch],
    { work: batch * hidden },
  );
  if (made) engine.free(made);
  return [y, lastCell];
}

function gru(call: KernelCall<never>): TensorInfo {
  const { backend } = call;
  const { engine } = backend;
  const { batch, seq, hidden, width } = recurrentSizes(input(call, 'weight'), input(call, 'inputs').shape);
  const gates = engine.allocate(batch * seq * 4 * hidden * 4);
  const projected = engine.allocate(batch * width * 4);
  const inputs = backend.address(input(call, 'inputs'));
  const y = run(call, (step) => {
    const { t, states, initial, common } = step;
    project(call, step, { t, target: { address: projected, stride: width } });
    engine.run('gruStep', [...common, inputs, projected, gates, states, initial], { work: batch * width * 4 });
  });
  backend.attach(y, { gates });
  engine.free(projected);
  return y;
}

/** Forward kernels of `rnn`, `lstm` and `gru` in @formers/backend. */
export const recurrentKernels: KernelTable = { FormersRNN: rnn, FormersLSTM: lstm, FormersGRU: gru };
