import { adafactorStep, gru, linear, lstm, rnn, rotary, sgdStep } from '@formers/backend';
import {
  reshape,
  scalar,
  type Scalar,
  tensor,
  tensor1d,
  type Tensor1D,
  tensor2d,
  type Tensor2D,
  tensor3d,
  type Tensor3D,
  tensor4d,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, readValues } from '../close.ts';

/** `sin(i * factor)`: numbers that are easily made in Python too. */
function sines<T>(shape: readonly number[], factor: number): T {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * factor)),
    [...shape],
  ) as T;
}

/** Projected inputs and weights of a recurrent layer of 3 steps, 3 inputs and 2 states. */
function recurrentLayer(gates: number) {
  const x = sines<Tensor3D>([1, 3, 3], 1.3);
  const inputs = linear(x, sines<Tensor2D>([gates * 2, 3], 0.7), { bias: sines<Tensor1D>([gates * 2], 0.3) }); // [1, 3, gates * 2]
  const initial = tensor2d([[0.5, -0.25]]);
  return {
    inputs,
    options: { weight: sines<Tensor2D>([gates * 2, 2], 1.1), bias: sines<Tensor1D>([gates * 2], 0.9), initial },
  };
}

/** Numbers that PyTorch 2.15 and transformers 5.23 gave. */
export function torchTests(): void {
  test('torch.nn.RNN, LSTM and GRU', async () => {
    const one = recurrentLayer(1);
    expectClose(
      await readValues(rnn(one.inputs, one.options)),
      [0.71917791, 0.93081852, 0.44014057, 0.49930037, -0.16374493, 0.98935358],
    );
    const four = recurrentLayer(4);
    const { states, lastCell } = lstm(four.inputs, { ...four.options, initialCell: tensor2d([[0.1, 0.2]]) });
    expectClose(await readValues(states), [0.42903523, -0.42105364, 0.20713324, 0.0758209, 0.27917141, -0.46425733]);
    expectClose(await readValues(lastCell), [0.71130362, -0.57433069]);
    const three = recurrentLayer(3);
    expectClose(
      await readValues(gru(three.inputs, three.options)),
      [0.63822713, -0.31018424, 0.58965654, 0.07698065, 0.75628465, -0.18947601],
    );
  });

  test("rotary: Llama's halves and GPT-J's neighbours", async () => {
    const x = tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4]);
    const angles = [0, 0, 1, 0.1];
    const cos = tensor3d(angles.map(Math.cos), [1, 2, 2]);
    const sin = tensor3d(angles.map(Math.sin), [1, 2, 2]);
    expectClose(
      await readValues(rotary(x, { cos, sin })),
      [1, 2, 3, 4, -3.18878536, 5.17135766, 7.98947107, 8.55903382],
    );
    expectClose(
      await readValues(rotary(x, { cos, sin, interleaved: true })),
      [1, 2, 3, 4, -2.34731438, 7.44916876, 6.16636182, 8.65886724],
    );
    const wide = tensor3d([1, 1, 1, 1, 1, 1], [1, 2, 3]);
    expect(() => rotary(x, { cos: wide, sin: wide })).toThrow('rotary: cos and sin must be [1 or 1, 2, at most 2]');
  });

  test('torch.optim.SGD with dampening and weight decay', async () => {
    const [parameter, momentumBuffer] = [variable(tensor1d([1, -2])), variable(zeros([2]))] as const;
    [
      [0.5, 1],
      [-1, 2],
      [0.25, 0],
    ].forEach((gradient, i) => {
      sgdStep([{ parameter, momentumBuffer, gradient: tensor1d(gradient), weightDecay: 0.01 }], {
        ...{ learningRate: 0.1, momentum: 0.9, dampening: 0.5 },
        step: i + 1,
        gradientScale: scalar(1) as Scalar,
      });
    });
    expectClose(await readValues(parameter), [0.94291214, -2.45244432]);
    for (const owned of [parameter, momentumBuffer]) owned.dispose();
  });

  test("Adafactor of Hugging Face's transformers with scale, first moment and weight decay", async () => {
    const slot = {
      parameter: variable(tensor2d([[1, -2, 3], [0.5, 0.25, -1]])), // prettier-ignore
      rowMoment: variable(zeros([2])),
      columnMoment: variable(zeros([3])),
      firstMoment: variable(zeros([2, 3])),
      weightDecay: 0.01,
    };
    [
      [0.5, 1, -1, 2, 0.1, 0.3],
      [-1, 2, 0.5, 0.25, 1, -3],
    ].forEach((gradient, i) => {
      adafactorStep([{ ...slot, gradient: reshape(tensor1d(gradient), [2, 3]) }], {
        ...{ learningRate: 0.1, leastScale: 1e-3, beta1: 0.9 },
        step: i + 1,
        gradientScale: scalar(1) as Scalar,
      });
    });
    expectClose(await readValues(slot.parameter), [1.0009785, -2.0665703, 3.0300825, 0.4620428, 0.236119, -0.9848682]);
    for (const owned of [slot.parameter, slot.rowMoment, slot.columnMoment, slot.firstMoment]) owned.dispose();
  });
}
