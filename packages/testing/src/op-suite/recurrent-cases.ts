import { gru, lstm, rnn } from '@formers/backend';
import { concat, reshape, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';

import { activations64, type Array64 } from './array64.ts';
import type { OpCase } from './op-case.ts';

type Kind = 'rnn' | 'rnn relu' | 'lstm' | 'gru';
const GATES: Readonly<Record<Kind, number>> = { rnn: 1, 'rnn relu': 1, lstm: 4, gru: 3 };

interface RecurrentCase {
  readonly batch: number;
  readonly seq: number;
  readonly hidden: number;
  /** Whether there are a bias and states before the first step; default true. */
  readonly full?: boolean;
}

const sigmoid64 = (x: number) => 1 / (1 + Math.exp(-x));

/** One sequence at a time, one number at a time: PyTorch's formulas. Returns the states, and for the LSTM the last cells. */
function reference(
  kind: Kind,
  { batch, seq, hidden }: RecurrentCase,
  arrays: readonly (Array64 | undefined)[],
): Float64Array {
  const [inputs, weight, bias, initial, initialCell] = arrays;
  const width = GATES[kind] * hidden;
  const states = new Float64Array(batch * seq * hidden);
  const cells = new Float64Array(batch * hidden);
  for (let b = 0; b < batch; b++) {
    const row = (array: Array64 | undefined) =>
      array?.data.slice(b * hidden, (b + 1) * hidden) ?? new Float64Array(hidden);
    let state = row(initial);
    let cell = row(initialCell);
    for (let t = 0; t < seq; t++) {
      const before = state;
      const input = (gate: number, j: number) => inputs?.data[(b * seq + t) * width + gate * hidden + j] ?? 0;
      const projected = (gate: number, j: number) =>
        before.reduce(
          (sum, value, k) => sum + value * (weight?.data[(gate * hidden + j) * hidden + k] ?? 0),
          bias?.data[gate * hidden + j] ?? 0,
        );
      const both = (gate: number, j: number) => input(gate, j) + projected(gate, j);
      if (kind === 'lstm') {
        cell = cell.map((c, j) => sigmoid64(both(1, j)) * c + sigmoid64(both(0, j)) * Math.tanh(both(2, j)));
        state = cell.map((c, j) => sigmoid64(both(3, j)) * Math.tanh(c));
      } else if (kind === 'gru') {
        state = before.map((h, j) => {
          const z = sigmoid64(both(1, j));
          return (1 - z) * Math.tanh(input(2, j) + sigmoid64(both(0, j)) * projected(2, j)) + z * h;
        });
      } else state = before.map((_, j) => activations64[kind === 'rnn' ? 'tanh' : 'relu'](both(0, j)));
      states.set(state, (b * seq + t) * hidden);
    }
    cells.set(cell, b * hidden);
  }
  return kind === 'lstm' ? Float64Array.from([...states, ...cells]) : states;
}

function recurrentCase(kind: Kind, sizes: RecurrentCase): OpCase {
  const { batch, seq, hidden, full = true } = sizes;
  const width = GATES[kind] * hidden;
  const scaled = (size: number) =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 2.3 + 1) / Math.sqrt(hidden));
  const states = Array.from({ length: kind === 'lstm' ? 2 : 1 }, () => ({ shape: [batch, hidden] }));
  return {
    name: `${kind}: [${batch}, ${seq}, ${width}]${full ? ', bias, initial state' : ''}`,
    inputs: [
      { shape: [batch, seq, width] },
      { shape: [width, hidden], values: scaled(width * hidden) },
      ...(full ? [{ shape: [width] }, ...states] : []),
    ],
    op: (tensors) => {
      const inputs = tensors[0] as Tensor3D;
      const options = {
        weight: tensors[1] as Tensor2D,
        bias: tensors[2] as Tensor1D | undefined,
        initial: tensors[3] as Tensor2D | undefined,
      };
      if (kind === 'gru') return gru(inputs, options);
      if (kind !== 'lstm') return rnn(inputs, { ...options, activation: kind === 'rnn' ? 'tanh' : 'relu' });
      const { states: all, lastCell } = lstm(inputs, { ...options, initialCell: tensors[4] as Tensor2D | undefined });
      return concat([reshape(all, [-1]), reshape(lastCell, [-1])] as Tensor[], 0);
    },
    reference: (arrays) => reference(kind, sizes, arrays),
  };
}

/** Recurrent layers: one step and many, hidden sizes around the width of vectors and tiles, few and many rows. */
export const recurrentCases: readonly OpCase[] = (['rnn', 'rnn relu', 'lstm', 'gru'] as const).flatMap((kind) => [
  recurrentCase(kind, { batch: 1, seq: 1, hidden: 1 }),
  recurrentCase(kind, { batch: 1, seq: 5, hidden: 3, full: false }),
  recurrentCase(kind, { batch: 3, seq: 4, hidden: 7 }),
  recurrentCase(kind, { batch: 5, seq: 3, hidden: 8, full: false }),
  // Few enough kinks that no difference crosses one.
  ...(kind === 'rnn relu'
    ? [recurrentCase(kind, { batch: 2, seq: 2, hidden: 17 })]
    : [recurrentCase(kind, { batch: 7, seq: 9, hidden: 17 }), recurrentCase(kind, { batch: 6, seq: 6, hidden: 33 })]),
]);

/** For the LSTM, the states without the last cell: then the cell has no gradient of its own. */
export const lstmStatesCase: OpCase = {
  ...recurrentCase('lstm', { batch: 2, seq: 3, hidden: 5 }),
  name: 'lstm: the states alone',
  op: ([inputs, weight, bias, initial, initialCell]) =>
    lstm(inputs as Tensor3D, {
      weight: weight as Tensor2D,
      bias: bias as Tensor1D,
      initial: initial as Tensor2D,
      initialCell: initialCell as Tensor2D,
    }).states,
  reference: (arrays) => reference('lstm', { batch: 2, seq: 3, hidden: 5 }, arrays).slice(0, 30),
};
