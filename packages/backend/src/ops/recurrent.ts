import {
  add,
  matMul,
  mul,
  relu,
  reshape,
  sigmoid,
  slice,
  split,
  stack,
  sub,
  tanh,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
  zeros,
} from '@tensorflow/tfjs-core';

import { defineMultiOp, type MultiOp } from '../define-multi-op.ts';
import { defineOp, type Op } from '../define-op.ts';
import { checkShape } from '../errors.ts';

/** What a recurrent layer needs besides its projected inputs, as PyTorch stores it. */
export interface RecurrentOptions {
  /** [gates * hidden, hidden], `weight_hh`. */
  readonly weight: Tensor2D;
  /** [gates * hidden], `bias_hh`. */
  readonly bias?: Tensor1D | undefined;
  /** [batch, hidden], the state before the first step; default zeros. */
  readonly initial?: Tensor2D | undefined;
}

/**
 * A whole layer of the simple recurrent network (Elman 1990), as `torch.nn.RNN`: `h_t = activation(inputs_t + h_{t-1} Wᵀ + bias)`.
 *
 * @param inputs [batch, seq, hidden], the inputs after their projection: `linear(x, weight_ih, { bias: bias_ih })`.
 * @returns [batch, seq, hidden], the state of each step.
 */
export function rnn(
  inputs: Tensor3D,
  { activation = 'tanh', ...options }: RecurrentOptions & { activation?: 'tanh' | 'relu' },
): Tensor3D {
  checkRecurrent('rnn', inputs, { ...options, gates: 1 });
  const { weight, bias, initial } = options;
  return rnnOp({ inputs, weight, bias, initial }, { activation });
}

/**
 * A whole layer of long short-term memory (Hochreiter and Schmidhuber 1997), as `torch.nn.LSTM`: gates in the order input, forget, cell, output.
 *
 * @param inputs [batch, seq, 4 * hidden], the inputs after their projection.
 * @param options.initialCell [batch, hidden]; default zeros.
 * @returns The state of each step [batch, seq, hidden], and the cell after the last one [batch, hidden].
 */
export function lstm(
  inputs: Tensor3D,
  options: RecurrentOptions & { readonly initialCell?: Tensor2D | undefined },
): { states: Tensor3D; lastCell: Tensor2D } {
  checkRecurrent('lstm', inputs, { ...options, gates: 4 });
  const { weight, bias, initial, initialCell } = options;
  if (initialCell) checkShape('lstm: initialCell', initialCell, [inputs.shape[0], weight.shape[1]]);
  const [states, lastCell] = lstmOp({ inputs, weight, bias, initial, initialCell }, {});
  return { states, lastCell };
}

/**
 * A whole layer of gated recurrent units (Cho et al. 2014), as `torch.nn.GRU`: gates in the order reset, update, new, and the reset gate on the projected state.
 *
 * @param inputs [batch, seq, 3 * hidden], the inputs after their projection.
 * @returns [batch, seq, hidden], the state of each step.
 */
export function gru(inputs: Tensor3D, options: RecurrentOptions): Tensor3D {
  checkRecurrent('gru', inputs, { ...options, gates: 3 });
  const { weight, bias, initial } = options;
  return gruOp({ inputs, weight, bias, initial }, {});
}

function checkRecurrent(
  name: string,
  inputs: Tensor3D,
  { weight, bias, initial, gates }: RecurrentOptions & { gates: number },
): void {
  const hidden = weight.shape[1];
  checkShape(`${name}: inputs`, inputs, ['batch', 'seq', gates * hidden]);
  checkShape(`${name}: weight`, weight, [gates * hidden, hidden]);
  if (bias) checkShape(`${name}: bias`, bias, [gates * hidden]);
  if (initial) checkShape(`${name}: initial`, initial, [inputs.shape[0], hidden]);
}

type Inputs = {
  readonly inputs: Tensor3D;
  readonly weight: Tensor2D;
  readonly bias: Tensor1D | undefined;
  readonly initial: Tensor2D | undefined;
};

/** Runs `step` for each place of a sequence; it gets the inputs of the place [batch, gates * hidden] and the state before. */
function unroll({ inputs, weight, initial }: Inputs, step: (input: Tensor2D, state: Tensor2D) => Tensor2D): Tensor3D {
  const [batch, seq, width] = inputs.shape;
  let state: Tensor2D = initial ?? zeros([batch, weight.shape[1]]);
  const states: Tensor2D[] = [];
  for (let t = 0; t < seq; t++) {
    state = step(reshape(slice(inputs, [0, t, 0], [batch, 1, width]), [batch, width]), state); // [batch, hidden]
    states.push(state);
  }
  return (seq > 0 ? stack(states, 1) : zeros([batch, 0, weight.shape[1]])) as Tensor3D;
}

/** `state Wᵀ + bias`, [batch, gates * hidden]. */
function project(state: Tensor2D, { weight, bias }: Inputs): Tensor2D {
  const projected: Tensor2D = matMul(state, weight, false, true);
  return bias ? add(projected, bias) : projected;
}

const definition = {
  differentiable: ['inputs', 'weight', 'bias', 'initial'],
  saves: ['weight', 'initial'],
  savesOutput: true,
} as const;

/** The op behind {@link rnn}. */
export const rnnOp: Op<Inputs, { activation: 'tanh' | 'relu' }, Tensor3D> = defineOp<
  Inputs,
  { activation: 'tanh' | 'relu' },
  Tensor3D
>({
  name: 'FormersRNN',
  ...definition,
  composition: (inputs, { activation }) =>
    tidy(() => {
      const activate = activation === 'relu' ? relu<Tensor2D> : tanh<Tensor2D>;
      return unroll(inputs, (input, state) => activate(add(input, project(state, inputs))));
    }),
});

/** The op behind {@link gru}. */
export const gruOp: Op<Inputs, object, Tensor3D> = defineOp<Inputs, object, Tensor3D>({
  name: 'FormersGRU',
  ...definition,
  composition: (inputs) =>
    tidy(() =>
      unroll(inputs, (input, state) => {
        const [r, z, n] = gatesOf(input, 3);
        const [hr, hz, hn] = gatesOf(project(state, inputs), 3);
        const reset = sigmoid(add(r, hr)); // [batch, hidden]
        const update = sigmoid(add(z, hz)); // [batch, hidden]
        const next = tanh(add(n, mul(reset, hn))); // [batch, hidden]
        return add(mul(sub(1, update), next), mul(update, state));
      }),
    ),
});

type LSTMInputs = Inputs & { readonly initialCell: Tensor2D | undefined };
type LSTMOutputs = readonly [states: Tensor3D, lastCell: Tensor2D];

/** The op behind {@link lstm}. */
export const lstmOp: MultiOp<LSTMInputs, object, LSTMOutputs> = defineMultiOp<LSTMInputs, object, LSTMOutputs>({
  name: 'FormersLSTM',
  differentiable: [...definition.differentiable, 'initialCell'],
  saves: ['weight', 'initial', 'initialCell'],
  savesOutputs: [0],
  composition: (inputs) =>
    tidy(() => {
      const [batch, hidden] = [inputs.inputs.shape[0], inputs.weight.shape[1]];
      let cell: Tensor = inputs.initialCell ?? zeros([batch, hidden]);
      const states = unroll(inputs, (input, state) => {
        const [i, f, g, o] = gatesOf(add(input, project(state, inputs)), 4);
        cell = add(mul(sigmoid(f), cell), mul(sigmoid(i), tanh(g))); // [batch, hidden]
        return mul(sigmoid(o), tanh(cell)) as Tensor2D;
      });
      return [states, add(cell, 0) as Tensor2D] as [Tensor3D, Tensor2D];
    }),
});

/** [batch, count * hidden] as its gates, each [batch, hidden]. */
function gatesOf(x: Tensor2D, count: number): [Tensor2D, Tensor2D, Tensor2D, Tensor2D] {
  return split(x, count, 1) as [Tensor2D, Tensor2D, Tensor2D, Tensor2D];
}
