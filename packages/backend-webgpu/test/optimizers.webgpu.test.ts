import { normalValues, randomKey } from '@formers/backend';
import { addN, engine, mul, type Scalar, scalar, square, sum, type Tensor, tensor, tidy, variable } from '@tensorflow/tfjs-core'; // prettier-ignore
import { expect, test } from 'vitest';

import { TokenWindows } from '../../data/src/index.ts';
import { Adafactor, AdamW, Lion, Muon, type Optimizer, SGD, Trainer } from '../../training/src/index.ts';
import type { Trainable } from '../../training/src/optimizers/optimizer-options.ts';
import { ToyModel } from '../../training/test/toy-model.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { onBothEngines } from './both-engines.ts';

type Create = (model: Trainable) => Optimizer;

const clipNorm = 0.5;
const isMatrix = (_: string, { rank }: Tensor): boolean => rank === 2;
/** With the dispatches that a step's update of {@link SHAPES} takes at most. */
const OPTIMIZERS: readonly (readonly [name: string, dispatches: number, create: Create])[] = [
  ['AdamW', 1, (model) => new AdamW(model, { learningRate: 0.02, weightDecay: 0.1, clipNorm })],
  ['AMSGrad, upwards', 1, (model) => new AdamW(model, { learningRate: 0.02, amsgrad: true, maximize: true, clipNorm })],
  ['SGD', 1, (model) => new SGD(model, { learningRate: 0.02, momentum: 0.9, weightDecay: 0.1, clipNorm })],
  ['Lion', 1, (model) => new Lion(model, { learningRate: 0.02, weightDecay: 0.1, clipNorm })],
  ['Adafactor', 4 * 3 + 5 * 6, (model) => new Adafactor(model, { weightDecay: 0.1, clipNorm })],
  ['Adafactor with a first moment', 42, (model) => new Adafactor(model, { learningRate: 0.02, beta1: 0.9, clipNorm })],
  // Two matrices of one size share the multiples of the unit matrix.
  ['Muon', 1 + 4 * (3 + 15 + 1), (model) => new Muon(model, { learningRate: 0.02, matrices: isMatrix, clipNorm })],
];

const SHAPES = [[], [1], [7], [1030], [1, 1], [3, 5], [64, 8], [33, 65], [2, 3, 5]] as const; // prettier-ignore
const BROKEN_STEP = 3;

function random(shape: readonly number[], what: string): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return tensor(normalValues(randomKey(1, what), size), [...shape]);
}

/** Parameters and moments after each of five steps, the third of which isn't finite. */
async function steps(create: Create): Promise<{ values: Float32Array[][]; dispatches: number }> {
  const parameters = new Map(
    SHAPES.map((shape, i) => [`p${i}`, tidy(() => variable(random(shape, `parameter ${i}`)))]),
  );
  using optimizer = create({ namedParameters: () => parameters });
  const values: Float32Array[][] = [];
  let dispatches = 0;
  for (let step = 1; step <= 5; step++) {
    optimizer.accumulate(() => {
      const terms = SHAPES.map((shape, i) => {
        const parameter = parameters.get(`p${i}`)!;
        const curve = mul(square(parameter), random(shape, `curve ${i} ${step}`));
        return sum(addN([curve, mul(parameter, random(shape, `slope ${i} ${step}`))]));
      });
      return mul(addN(terms), scalar(step === BROKEN_STEP ? Number.NaN : 0.1)) as Scalar;
    });
    const { figures } = engine().backend as Partial<FormersWebGPUBackend>;
    const before = figures?.dispatches ?? 0;
    const result = optimizer.step();
    dispatches = (figures?.dispatches ?? 0) - before;
    expect(Number.isFinite(await result.loss())).toBe(step !== BROKEN_STEP);
    const { tensors } = await optimizer.state();
    values.push([
      ...(await Promise.all([...parameters.values()].map(async (parameter) => parameter.data<'float32'>()))),
      ...[...tensors.values()].map((moment) => moment.values),
    ]);
  }
  for (const parameter of parameters.values()) parameter.dispose();
  return { values, dispatches };
}

/** Losses of five steps of a Trainer, and all weights after them. */
async function trained(create: Create): Promise<{ losses: number[]; weights: Float32Array[] }> {
  using model = new ToyModel({ dropout: 0.1, seed: 1 });
  using optimizer = create(model);
  const losses: number[] = [];
  const trainer = new Trainer({
    ...{ model, optimizer, steps: 5, logEvery: 1, accumulationSteps: 2 },
    data: new TokenWindows(Int32Array.from({ length: 90 }, (_, i) => (i * i + 3 * i) % 11), { seqLen: 6 }).batches({ batchSize: 4, seed: 4 }), // prettier-ignore
    loss: (batch) => model.loss(batch),
  });
  for await (const event of trainer.run()) if (event.type === 'step') losses.push(event.loss);
  const parameters = [...model.namedParameters()];
  return { losses, weights: await Promise.all(parameters.map(async ([, parameter]) => parameter.data<'float32'>())) };
}

interface Results {
  readonly stepped: Awaited<ReturnType<typeof steps>>;
  readonly trained: Awaited<ReturnType<typeof trained>>;
}

/** Everything, once on each engine, as its kernels take long to compile in software. */
async function all(): Promise<Map<string, Results>> {
  const results = new Map<string, Results>();
  for (const [name, , create] of OPTIMIZERS)
    results.set(name, { stepped: await steps(create), trained: await trained(create) });
  return results;
}

const { plain, gpu } = await onBothEngines(all);
const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const largestError = (found: Float32Array, wanted: Float32Array): number => {
  expect(found).toHaveLength(wanted.length);
  return largest(found.map((value, i) => value - wanted[i]!));
};

test.each(OPTIMIZERS)(
  '%s: five clipped steps as on the CPU, and one that is not finite changes nothing',
  (name, most) => {
    const { values, dispatches } = gpu.get(name)!.stepped;
    values.forEach((found, step) => {
      const wanted = plain.get(name)!.stepped.values[step]!;
      expect(found).toHaveLength(wanted.length);
      found.forEach((numbers, i) => {
        const error = largestError(numbers, wanted[i]!) / Math.max(1e-3, largest(wanted[i]!));
        expect(error, `step ${step + 1}, tensor ${i}`).toBeLessThan(1e-4);
      });
    });
    expect(values[BROKEN_STEP - 1]).toEqual(values[BROKEN_STEP - 2]);
    SHAPES.forEach((_, i) => expect(values[4]![i]).not.toEqual(values[3]![i]));
    // The sums of squares and the values of the step take two.
    expect(dispatches).toBeLessThanOrEqual(2 + most);
  },
);

test.each(OPTIMIZERS)('%s: a Trainer trains as on the CPU', (name) => {
  const [found, wanted] = [gpu.get(name)!.trained, plain.get(name)!.trained];
  expect(found.losses).toHaveLength(5);
  found.losses.forEach((loss, i) => expect(Math.abs(loss - wanted.losses[i]!) / loss).toBeLessThan(1e-4));
  expect(found.losses[4]).not.toBe(found.losses[0]);
  expect(found.weights).toHaveLength(5);
  found.weights.forEach((values, i) =>
    expect(largestError(values, wanted.weights[i]!), `parameter ${i}`).toBeLessThan(1e-4),
  );
});
