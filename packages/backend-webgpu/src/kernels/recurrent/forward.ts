import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { elementwise, input, type KernelCall, type KernelTable, sizeOf, spread, WORKGROUP, zeros } from '../kernel.ts';
import { type Cell, forwardOf, KEPT } from './cells.ts';
import { layerSizes } from './layer.ts';
import { runSteps } from './run.ts';

/** [width, hidden] as [hidden, width], so that neighbouring threads read neighbouring numbers. */
function transpose(backend: FormersWebGPUBackend, weight: TensorInfo): TensorInfo {
  const [rows = 0, columns = 0] = weight.shape;
  const transposed = backend.output([columns, rows]);
  const size = sizeOf(weight);
  backend.run({
    key: 'recurrent weight transposed',
    code: () => elementwise('y[i] = x[i % u.rows * u.columns + i / u.rows];'),
    ...{ reads: { x: weight }, writes: { y: transposed } },
    counts: { size, rows, columns },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
  return transposed;
}

/** The states of all steps; an LSTM's last cell goes to `lastCell`. */
function run({ backend, inputs }: KernelCall<object>, cell: Cell, lastCell?: TensorInfo): TensorInfo {
  const weight = input({ inputs }, 'weight');
  const sizes = layerSizes(weight, input({ inputs }, 'inputs').shape);
  const { batch, seq, hidden } = sizes;
  const states = backend.output([batch, seq, hidden]);
  if (sizeOf(states) === 0) return states;
  const kept = cell === 'lstm' || cell === 'gru' ? backend.output([batch, seq, KEPT[cell], hidden]) : undefined;
  if (kept) backend.attach(states, { kept });
  const { weight: _, ...others } = inputs;
  const matrix = transpose(backend, weight);
  runSteps(backend, sizes, {
    direction: forwardOf(cell, inputs),
    reads: { matrix, ...others },
    writes: { states, ...(kept && { kept }), ...(lastCell && { lastCell }) },
  });
  backend.disposeData(matrix.dataId);
  return states;
}

function lstm(call: KernelCall<object>): TensorInfo[] {
  const { backend, inputs } = call;
  const { batch, seq, hidden } = layerSizes(input(call, 'weight'), input(call, 'inputs').shape);
  if (seq > 0) {
    const lastCell = backend.output([batch, hidden]);
    return [run(call, 'lstm', lastCell), lastCell];
  }
  const { initialCell } = inputs;
  return [run(call, 'lstm'), initialCell ? backend.alias(initialCell) : zeros(backend, [batch, hidden])];
}

/** Forward kernels of `rnn`, `lstm` and `gru` in @formers/backend. */
export const recurrentKernels: KernelTable = {
  FormersRNN: (call: KernelCall<{ activation: 'tanh' | 'relu' }>) => run(call, `rnn ${call.attributes.activation}`),
  FormersLSTM: lstm,
  FormersGRU: (call: KernelCall<object>) => run(call, 'gru'),
};
