import { gru, lstm, rnn, useBackend, valueAndGradients } from '@formers/backend';
import {
  concat,
  engine,
  reshape,
  slice,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tidy,
} from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectNoLeak, randomTensor } from '../../testing/src/index.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { isLooped } from '../src/kernels/recurrent/layer.ts';
import { leastGPU, onBothEngines } from './both-engines.ts';
import { dawn } from './dawn.ts';

type Kind = 'rnn' | 'relu' | 'lstm' | 'gru';
const GATES: Readonly<Record<Kind, number>> = { rnn: 1, relu: 1, lstm: 4, gru: 3 };

interface Layer {
  readonly kind: Kind;
  readonly batch: number;
  readonly seq: number;
  readonly hidden: number;
  /** Whether there are a bias and states before the first step; default true. */
  readonly full?: boolean;
}

const NAMES = ['inputs', 'weight', 'bias', 'initial', 'initialCell'] as const;
type Name = (typeof NAMES)[number];
type Inputs = Partial<Record<Name, Tensor>>;

function inputsOf({ kind, batch, seq, hidden, full = true }: Layer): Inputs {
  const width = GATES[kind] * hidden;
  return {
    inputs: randomTensor([batch, seq, width], { seed: 1 }),
    weight: randomTensor([width, hidden], { seed: 2, std: 1 / Math.sqrt(hidden) }),
    ...(full && { bias: randomTensor([width], { seed: 3 }), initial: randomTensor([batch, hidden], { seed: 4 }) }),
    ...(full && kind === 'lstm' && { initialCell: randomTensor([batch, hidden], { seed: 5 }) }),
  };
}

/** The states, [batch, seq, hidden], and after them an LSTM's last cells, as one more step. */
function run({ kind, batch, hidden }: Layer, given: Inputs): Tensor3D {
  const inputs = given.inputs as Tensor3D;
  const options = {
    weight: given.weight as Tensor2D,
    bias: given.bias as Tensor1D | undefined,
    initial: given.initial as Tensor2D | undefined,
  };
  if (kind === 'gru') return gru(inputs, options);
  if (kind !== 'lstm') return rnn(inputs, { ...options, activation: kind === 'rnn' ? 'tanh' : 'relu' });
  const { states, lastCell } = lstm(inputs, { ...options, initialCell: given.initialCell as Tensor2D | undefined });
  return concat([states, reshape(lastCell, [batch, 1, hidden])], 1) as Tensor3D;
}

/** What a layer gives on the active engine, and the gradients of some inputs (default all), by their names. */
async function results(layer: Layer, wanted?: readonly Name[]): Promise<Record<string, Float32Array>> {
  const tensors = tidy(() => {
    const inputs = inputsOf(layer);
    const names = NAMES.filter((name) => inputs[name] && (!wanted || wanted.includes(name)));
    const extra = layer.kind === 'lstm' ? 1 : 0;
    const { value, gradients } = valueAndGradients(
      () => run(layer, inputs),
      names.map((name) => inputs[name] as Tensor),
      { outputGradient: randomTensor([layer.batch, layer.seq + extra, layer.hidden], { seed: 6 }) },
    );
    return Object.fromEntries([['value', value], ...gradients.map((gradient, i) => [names[i], gradient])]);
  }) as Record<string, Tensor>;
  const values: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    values[name] = await tensor.data<'float32'>();
    tensor.dispose();
  }
  return values;
}

/** Each number within a share of the largest one. */
function expectNear(found: Record<string, Float32Array>, wanted: Record<string, Float32Array>, tolerance = 1e-5): void {
  expect(Object.keys(found)).toEqual(Object.keys(wanted));
  for (const [name, values] of Object.entries(wanted)) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest, name).toBeGreaterThan(0.01);
    expect(found[name]?.length, name).toBe(values.length);
    const error = values.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[name]?.[i] ?? NaN))), 0);
    expect(error / largest, name).toBeLessThan(tolerance);
  }
}

const described = (layer: Layer) => `${layer.kind} of ${layer.hidden}, ${layer.batch} x ${layer.seq}`;
const layers = (...list: Layer[]): [string, Layer][] => list.map((layer) => [described(layer), layer]);

test.each(
  layers(
    { kind: 'gru', hidden: 31, batch: 2, seq: 3 },
    { kind: 'lstm', hidden: 32, batch: 3, seq: 4 },
    { kind: 'rnn', hidden: 33, batch: 5, seq: 3, full: false },
    { kind: 'lstm', hidden: 130, batch: 3, seq: 2, full: false },
    { kind: 'gru', hidden: 257, batch: 3, seq: 2 }, // more units than threads
    { kind: 'rnn', hidden: 512, batch: 4, seq: 2 }, // all shared memory that there is
    { kind: 'rnn', hidden: 2, batch: 1, seq: 259 }, // more steps than a dispatch takes
    { kind: 'lstm', hidden: 3, batch: 6, seq: 258 },
  ),
)('%s, all steps in a dispatch: states and gradients of all inputs', async (_, layer) => {
  expect(isLooped({ ...layer, gates: GATES[layer.kind] })).toBe(true);
  const { plain, gpu } = await onBothEngines(async () => results(layer), await leastGPU());
  expectNear(gpu, plain, layer.seq > 99 ? 5e-5 : 1e-5);
});

test.each(
  layers(
    { kind: 'lstm', hidden: 257, batch: 3, seq: 3 },
    { kind: 'gru', hidden: 297, batch: 17, seq: 2 }, // more rows than a workgroup takes
    { kind: 'rnn', hidden: 513, batch: 5, seq: 3, full: false },
    { kind: 'relu', hidden: 544, batch: 9, seq: 2 },
  ),
)('%s, a dispatch for each step: states and gradients of all inputs', async (_, layer) => {
  expect(isLooped({ ...layer, gates: GATES[layer.kind] })).toBe(false);
  const { plain, gpu } = await onBothEngines(async () => results(layer));
  expectNear(gpu, plain);
});

test('few weights for very many rows take a dispatch for each step, too', () => {
  const sizes = { seq: 8, hidden: 256, gates: 4 };
  expect([isLooped({ ...sizes, batch: 256 }), isLooped({ ...sizes, batch: 257 })]).toEqual([true, false]);
});

test('the gradient of each input alone has the bits that it has beside the others, each time, and nothing else is left', async () => {
  await useBackend(webgpu({ gpu: await dawn() }));
  for (const kind of ['rnn', 'gru', 'lstm'] as const) {
    const layer: Layer = { kind, hidden: 5, batch: 3, seq: 4 };
    const { value, ...gradients } = await results(layer);
    expect(Object.keys(gradients)).toHaveLength(kind === 'lstm' ? 5 : 4);
    for (const name of Object.keys(gradients) as Name[]) {
      const alone = await expectNoLeak(async () => results(layer, [name]));
      expect(alone).toEqual({ value, [name]: gradients[name] });
    }
  }
});

test.each([
  { kind: 'gru', hidden: 9, batch: 7, seq: 5 },
  { kind: 'rnn', hidden: 513, batch: 6, seq: 2 },
] satisfies Layer[])('$kind of $hidden: a row has the same bits whatever the rows beside it', async (layer) => {
  await useBackend(webgpu({ gpu: await dawn() }));
  const tensors = tidy(() => {
    const last = [layer.batch - 1];
    const { inputs, initial, ...shared } = inputsOf(layer) as Record<Name, Tensor>;
    const states = run(layer, { inputs, initial, ...shared });
    const alone = { inputs: slice(inputs, last, [1]), initial: slice(initial, last, [1]), ...shared };
    return [slice(states, last, [1]), run({ ...layer, batch: 1 }, alone)];
  });
  const [beside, alone] = await Promise.all(tensors.map(async (tensor) => tensor.data()));
  for (const tensor of tensors) tensor.dispose();
  expect(alone).toEqual(beside);
  expect(alone).toHaveLength(layer.seq * layer.hidden);
});

/** Dispatches of a layer, forward and back, with the gradients of all inputs. */
async function dispatches(layer: Layer): Promise<[forward: number, backward: number]> {
  const { figures } = engine().backend as FormersWebGPUBackend;
  const inputs = Object.values(inputsOf(layer)) as [Tensor3D, Tensor2D, Tensor1D?, Tensor2D?];
  const start = figures.dispatches;
  let middle = start;
  const tensors = tidy(() => {
    const [x, weight, bias, initial] = inputs;
    const { value, gradients } = valueAndGradients(
      () => {
        const states = gru(x, { weight, bias, initial });
        middle = figures.dispatches;
        return states;
      },
      inputs as Tensor[],
      { outputGradient: randomTensor([layer.batch, layer.seq, layer.hidden], { seed: 6 }) },
    );
    return [value, ...gradients];
  });
  const counts: [number, number] = [middle - start, figures.dispatches - middle];
  await tensors[0]?.data(); // so that they are run
  for (const tensor of [...tensors, ...(inputs as Tensor[])]) tensor.dispose();
  return counts;
}

test('dispatches: a few for all of 128 steps, or one for each step and a few', async () => {
  await useBackend(webgpu({ gpu: await dawn() }));
  // The weight turned, the steps; back: the steps, the first state, the states before, the product for weight and bias.
  expect(await dispatches({ kind: 'gru', hidden: 4, batch: 2, seq: 128 })).toEqual([2, 4]);
  expect(await dispatches({ kind: 'gru', hidden: 4, batch: 2, seq: 128, full: false })).toEqual([2, 3]);
  expect(await dispatches({ kind: 'gru', hidden: 296, batch: 1, seq: 8 })).toEqual([1 + 8, 8 + 3]);
});
