import { ConfigError, cpu, crossEntropy, ShapeError, useBackend } from '@formers/backend';
import { TokenWindows } from '@formers/data';
import {
  add,
  memory,
  mul,
  reshape,
  type Scalar,
  scalar,
  slice,
  square,
  sum,
  variable,
  type Tensor2D,
  tensor,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { AdamW, Lion, SGD, type StepResult, type Trainable } from '../src/index.ts';
import { ToyModel, weightsOf } from './toy-model.ts';
import { ids } from './toy-run.ts';

const IGNORED = -100;

interface Batch extends Disposable {
  inputs: Tensor2D;
  targets: Tensor2D;
}

function disposable(inputs: Tensor2D, targets: Tensor2D): Batch {
  return { inputs, targets, [Symbol.dispose]: () => [inputs, targets].forEach((tensor) => tensor.dispose()) };
}

/** One batch of 4 rows, of which rows have 6, 1, 3 and 5 targets. */
function unevenBatch(): Batch {
  const rows = Array.from({ length: 4 }, (_, row) => Array.from(ids.subarray(row * 6, row * 6 + 6)));
  const counts = [6, 1, 3, 5];
  const targets = rows.map((row, i) => row.map((id, at) => (at < counts[i]! ? (id + 1) % 11 : IGNORED)));
  return disposable(tensor2d(rows, [4, 6], 'int32'), tensor2d(targets, [4, 6], 'int32'));
}

/** Two rows of a batch, from `first` on. */
function half({ inputs, targets }: Batch, first: number): Batch {
  return disposable(slice(inputs, [first, 0], [2, 6]), slice(targets, [first, 0], [2, 6]));
}

const largestDifference = (a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>): number =>
  Math.max(...[...a].flatMap(([path, values]) => Array.from(values, (value, i) => Math.abs(value - b.get(path)![i]!))));

describe('Optimizer', () => {
  beforeAll(() => useBackend(cpu()));

  it('averages over tokens: uneven micro-batches give the step of the big batch', async () => {
    using batch = unevenBatch();
    using first = half(batch, 0);
    using second = half(batch, 2);
    const steps = [
      [{ batch, weight: 15 }],
      [
        { batch: first, weight: 7 },
        { batch: second, weight: 8 },
      ],
    ];
    const results = await Promise.all(
      steps.map(async (micro) => {
        using model = new ToyModel({ seed: 2 });
        using optimizer = new SGD(model, { learningRate: 1, clipNorm: 0.5 });
        for (const { batch, weight } of micro) optimizer.accumulate(() => model.loss(batch), { weight });
        const result = optimizer.step();
        return { loss: await result.loss(), norm: await result.gradientNorm(), weights: weightsOf(model) };
      }),
    );
    const [whole, parts] = results as [(typeof results)[0], (typeof results)[0]];
    expect(whole.norm).toBeGreaterThan(0.5);
    expect(parts.loss).toBeCloseTo(whole.loss, 6);
    expect(parts.norm).toBeCloseTo(whole.norm, 6);
    expect(largestDifference(parts.weights, whole.weights)).toBeLessThan(1e-6);
  });

  it('averages over micro-batches: each adds its own mean by their number', async () => {
    using batch = unevenBatch();
    using a = half(batch, 0);
    using b = half(batch, 2);
    using mean = new ToyModel({ seed: 2 });
    using equal = new ToyModel({ seed: 2 });
    using expected = new SGD(mean, { learningRate: 1 });
    using found = new SGD(equal, { learningRate: 1 });
    const wanted = expected.minimize(() => mul(add(mean.loss(a), mean.loss(b)), 0.5));
    for (const part of [a, b]) found.accumulate(() => equal.loss(part));
    const result = found.step();
    expect(await result.loss()).toBeCloseTo(await wanted.loss(), 6);
    expect(await result.gradientNorm()).toBeCloseTo(await wanted.gradientNorm(), 6);
    const losses = await result.losses();
    expect(losses).toHaveLength(2);
    expect((losses[0]! + losses[1]!) / 2).toBeCloseTo(await wanted.loss(), 6);
    expect(largestDifference(weightsOf(equal), weightsOf(mean))).toBeLessThan(1e-6);
    // The two averages differ, or the test before this one would show nothing.
    using other = new ToyModel({ seed: 2 });
    using byTokens = new SGD(other, { learningRate: 1 });
    byTokens.minimize(() => other.loss(batch));
    expect(largestDifference(weightsOf(equal), weightsOf(other))).toBeGreaterThan(1e-3);
  });

  it('leaves micro-batches without tokens out', async () => {
    using batch = unevenBatch();
    using model = new ToyModel();
    using optimizer = new SGD(model, { learningRate: 1 });
    optimizer.accumulate(() => model.loss(batch), { weight: 0 });
    expect(() => optimizer.step()).toThrow(ConfigError);
    optimizer.accumulate(() => model.loss(batch), { weight: 15 });
    expect(await optimizer.step().losses()).toHaveLength(1);
  });

  it('clips to the global norm, in the direction of the gradient', async () => {
    using batch = unevenBatch();
    const moved = async (clipNorm?: number): Promise<{ moves: number[]; result: StepResult }> => {
      const model = new ToyModel({ seed: 2 });
      const optimizer = new SGD(model, { learningRate: 1, ...(clipNorm !== undefined && { clipNorm }) });
      const start = weightsOf(model);
      const result = optimizer.minimize(() => model.loss(batch));
      await result.loss();
      const end = weightsOf(model);
      for (const owner of [model, optimizer]) owner.dispose();
      return {
        moves: [...start].flatMap(([path, values]) => Array.from(values, (value, i) => value - end.get(path)![i]!)),
        result,
      };
    };
    const free = await moved();
    const clipped = await moved(0.25);
    const loose = await moved(100);
    const norm = (values: readonly number[]): number => Math.hypot(...values);
    expect(await free.result.gradientNorm()).toBeCloseTo(norm(free.moves), 4);
    expect(await clipped.result.gradientNorm()).toBe(await free.result.gradientNorm()); // told before clipping
    expect(norm(clipped.moves)).toBeCloseTo(0.25, 5);
    const cosine =
      clipped.moves.reduce((dot, move, i) => dot + move * free.moves[i]!, 0) / (norm(clipped.moves) * norm(free.moves));
    expect(cosine).toBeGreaterThan(1 - 1e-6);
    expect(loose.moves).toEqual(free.moves);
  });

  it.each([NaN, Infinity, -Infinity])('changes nothing when the loss is %d, nor after it if asked', async (poison) => {
    using batch = unevenBatch();
    for (const optimizerOf of [
      (model: ToyModel) => new AdamW(model, { learningRate: 0.1 }),
      (model: ToyModel) => new SGD(model, { learningRate: 0.1, momentum: 0.9 }),
    ]) {
      using model = new ToyModel();
      using optimizer = optimizerOf(model);
      optimizer.minimize(() => model.loss(batch));
      const state = JSON.stringify(
        [...(await optimizer.state()).tensors].map(([name, { values }]) => [name, [...values]]),
      );
      const weights = weightsOf(model);
      const unchanged = async (): Promise<void> => {
        expect(weightsOf(model)).toEqual(weights);
        expect(
          JSON.stringify([...(await optimizer.state()).tensors].map(([name, { values }]) => [name, [...values]])),
        ).toBe(state);
      };
      // Once as a loss whose gradients are finite, once as a factor of them.
      for (const loss of [
        () => add(model.loss(batch), poison) as Scalar,
        () => mul(model.loss(batch), poison) as Scalar,
      ]) {
        const result = optimizer.minimize(loss);
        expect(await result.finite()).toBe(false);
        await unchanged();
      }
      const after = optimizer.minimize(() => model.loss(batch), { afterFinite: true });
      expect(await after.finite()).toBe(false);
      expect(Number.isFinite(await after.loss())).toBe(true);
      await unchanged();
      const next = optimizer.minimize(() => model.loss(batch));
      expect(await next.finite()).toBe(true);
      expect(weightsOf(model)).not.toEqual(weights);
    }
  });

  it('decays parameters of two or more dimensions, or those that are told', () => {
    const changed = (decay?: (path: string) => boolean): string[] => {
      using model = new ToyModel();
      for (const parameter of model.parameters()) tidy(() => parameter.assign(add(parameter, 1)));
      using optimizer = new AdamW(model, { learningRate: 0.1, weightDecay: 0.5, ...(decay && { decay }) });
      const start = weightsOf(model);
      optimizer.minimize(() => mul(sum(model.output.weight), 0) as Scalar); // gradients of zero: only decay moves
      const end = weightsOf(model);
      for (const [path, values] of start) {
        const factor = end.get(path)![0]! / values[0]!;
        expect([1, 0.95].some((wanted) => Math.abs(factor - wanted) < 1e-6)).toBe(true);
      }
      return [...start].filter(([path, values]) => values[0] !== end.get(path)![0]).map(([path]) => path);
    };
    expect(changed()).toEqual(['embedding.weight', 'hidden.weight', 'output.weight']);
    expect(changed((path) => path.endsWith('bias'))).toEqual(['hidden.bias', 'output.bias']);
  });

  it('leaves frozen parameters as they are, to the bit', () => {
    using batch = unevenBatch();
    using model = new ToyModel();
    model.hidden.weight.trainable = false;
    using optimizer = new AdamW(model, { learningRate: 0.1, weightDecay: 0.5 });
    const start = weightsOf(model);
    optimizer.minimize(() => model.loss(batch));
    const moved = [...weightsOf(model)].filter(([path, values]) =>
      values.some((value, i) => value !== start.get(path)![i]),
    );
    expect(moved.map(([path]) => path)).toEqual(['embedding.weight', 'hidden.bias', 'output.weight', 'output.bias']);
  });

  it('drops other values in each step and micro-batch, by its seed alone', async () => {
    using batch = unevenBatch();
    const losses = async (seed: number): Promise<number[]> => {
      using model = new ToyModel({ dropout: 0.5 });
      using optimizer = new SGD(model, { learningRate: 0, seed });
      const all: number[] = [];
      for (let step = 0; step < 3; step++) {
        for (let micro = 0; micro < 2; micro++) optimizer.accumulate(() => model.loss(batch));
        all.push(...(await optimizer.step().losses()));
      }
      return all;
    };
    const first = await losses(1);
    expect(new Set(first).size).toBe(6);
    expect(await losses(1)).toEqual(first);
    expect(await losses(2)).not.toEqual(first);
  });

  it('keeps the number of tensors over 200 steps, read or unread, and over abandoned ones', async () => {
    const windows = new TokenWindows(ids, { seqLen: 6 });
    using model = new ToyModel({ dropout: 0.1 });
    using optimizer = new AdamW(model, { learningRate: 0.01, clipNorm: 1 });
    let constant: number | undefined;
    for (const batch of windows.batches({ batchSize: 2, steps: 200 })) {
      optimizer.accumulate(() => model.loss(batch));
      optimizer.accumulate(() => model.loss(batch));
      const result = optimizer.step();
      if (batch.step % 3 === 0) await result.loss();
      optimizer.accumulate(() => model.loss(batch));
      optimizer.discard();
      expect(() =>
        optimizer.accumulate(() => crossEntropy(model.call(batch.inputs), reshape(batch.inputs, [-1]))),
      ).toThrow(ShapeError);
      constant ??= memory().numTensors;
      expect(memory().numTensors).toBe(constant);
    }
    expect(optimizer.numSteps).toBe(200);
  });

  it('SGD leaves a share of the gradient out of the momentum, from the second step on', () => {
    using parameter = { value: tidy(() => variable(scalar(1))), [Symbol.dispose]: () => parameter.value.dispose() };
    using optimizer = new SGD(
      { namedParameters: () => new Map([['x', parameter.value]]) },
      { learningRate: 0.1, momentum: 0.5, dampening: 0.25 },
    );
    const found = [0, 1, 2].map(() => {
      optimizer.minimize(() => mul(parameter.value, 1) as Scalar); // its gradient is 1
      return parameter.value.dataSync()[0] as number;
    });
    for (const [i, expected] of [1 - 0.1, 0.9 - 0.1 * 1.25, 0.775 - 0.1 * 1.375].entries())
      expect(found[i]).toBeCloseTo(expected, 6);
  });

  it('goes up with maximize: the steps of the negated loss, micro-batches by their weight too', async () => {
    const optimizers = [
      (model: Trainable, maximize: boolean) => new AdamW(model, { learningRate: 0.1, maximize, clipNorm: 0.5 }),
      (model: Trainable, maximize: boolean) => new SGD(model, { learningRate: 0.1, maximize, weightDecay: 0.5 }),
      (model: Trainable, maximize: boolean) => new Lion(model, { learningRate: 0.1, maximize }),
    ];
    for (const create of optimizers) {
      const run = async (maximize: boolean): Promise<{ value: number; losses: number[]; norm: number }> => {
        const value = tidy(() => variable(scalar(0.5)));
        using optimizer = create({ namedParameters: () => new Map([['x', value]]) }, maximize);
        const loss = (factor: number): Scalar => tidy(() => mul(square(value), maximize ? factor : -factor) as Scalar);
        for (const weight of [1, 3]) optimizer.accumulate(() => loss(weight), { weight });
        const result = optimizer.step();
        const found = { value: value.dataSync()[0] as number, losses: await result.losses() };
        value.dispose();
        return { ...found, norm: await result.gradientNorm() };
      };
      const [up, down] = [await run(true), await run(false)];
      expect(up.value).toBe(down.value);
      expect(up.value).not.toBe(0.5);
      expect(up.losses).toEqual([0.25, 0.75]); // the loss as it is
      expect(up.norm).toBe(down.norm);
      expect(up.norm).toBeCloseTo((1 + 3 * 3) / 4, 6);
    }
  });

  it('keeps a state with amsgrad apart from one without', async () => {
    using model = new ToyModel();
    using plain = new AdamW(model, { learningRate: 0.1 });
    using amsgrad = new AdamW(model, { learningRate: 0.1, amsgrad: true });
    const [without, withIt] = [await plain.state(), await amsgrad.state()];
    expect([...withIt.tensors.keys()].filter((name) => name.startsWith('max_exp_avg_sq.')).length).toBeGreaterThan(0);
    expect(() => amsgrad.loadState(without)).toThrow(/max_exp_avg_sq\.\S+ is missing/);
    expect(() => plain.loadState(withIt)).toThrow(/max_exp_avg_sq\.\S+ is unexpected/);
  });

  it('forgets the values of a step when the next one starts, unless they were asked for', async () => {
    using batch = unevenBatch();
    using model = new ToyModel();
    using optimizer = new SGD(model, { learningRate: 0.1 });
    const first = optimizer.minimize(() => model.loss(batch));
    const asked = first.loss();
    const second = optimizer.minimize(() => model.loss(batch));
    expect(await asked).toBeGreaterThan(await second.loss());
    expect(await first.gradientNorm()).toBeGreaterThan(0); // came along with the loss
    const third = optimizer.minimize(() => model.loss(batch));
    optimizer.minimize(() => model.loss(batch));
    await expect(third.loss()).rejects.toMatchObject({ code: 'stale' });
  });

  it('gives and takes its state, and refuses one that does not fit', async () => {
    using batch = unevenBatch();
    using model = new ToyModel();
    using optimizer = new AdamW(model, { learningRate: 0.1, seed: 4 });
    optimizer.minimize(() => model.loss(batch));
    const state = await optimizer.state();
    expect(state).toMatchObject({ kind: 'AdamW', numSteps: 1, seed: 4 });
    expect([...state.tensors.keys()].slice(0, 2)).toEqual(['exp_avg.embedding.weight', 'exp_avg_sq.embedding.weight']);

    using twin = new ToyModel();
    const twins = twin.namedParameters();
    for (const [path, values] of weightsOf(model))
      tidy(() => twins.get(path)!.assign(tensor(values, twins.get(path)!.shape)));
    using restored = new AdamW(twin, { learningRate: 0.1, seed: 4 });
    restored.loadState(state);
    for (const [each, of] of [
      [optimizer, model],
      [restored, twin],
    ] as const)
      each.minimize(() => of.loss(batch));
    expect(weightsOf(twin)).toEqual(weightsOf(model));

    using sgd = new SGD(model, { learningRate: 0.1, momentum: 0.9 });
    expect(() => sgd.loadState(state)).toThrow(
      'it is of AdamW, not of SGD; its seed is 4, not 0; momentum_buffer.embedding.weight is missing',
    );
    using larger = new ToyModel({ dim: 7 });
    using misfit = new AdamW(larger, { learningRate: 0.1, seed: 4 });
    expect(() => misfit.loadState(state)).toThrow('exp_avg.embedding.weight must be [11, 7], got [11, 6]');
    expect(() => restored.loadState({ ...state, numSteps: -1 })).toThrow('numSteps');
  });

  it('refuses malformed options and losses', () => {
    using model = new ToyModel();
    const options = [
      { learningRate: -1 },
      { learningRate: NaN },
      { learningRate: () => NaN },
      { learningRate: 1, beta1: 1 },
      { learningRate: 1, beta2: -0.1 },
      { learningRate: 1, epsilon: NaN },
      { learningRate: 1, weightDecay: -1 },
      { learningRate: 1, clipNorm: 0 },
      { learningRate: 1, seed: 0.5 },
    ];
    for (const option of options) expect(() => new AdamW(model, option)).toThrow(ConfigError);
    const yes = 'yes' as unknown as boolean; // as a JSON file may have it
    expect(() => new AdamW(model, { learningRate: 1, amsgrad: yes })).toThrow(
      'AdamW: amsgrad must be true or false, got "yes"',
    );
    expect(() => new SGD(model, { learningRate: 1, maximize: yes })).toThrow(
      'Optimizer: maximize must be true or false',
    );
    expect(() => new SGD(model, { learningRate: 1, momentum: 0.9, nesterov: yes })).toThrow('SGD: nesterov must be');
    expect(() => new SGD(model, { learningRate: 1, momentum: -1 })).toThrow(ConfigError);
    expect(() => new SGD(model, { learningRate: 1, nesterov: true })).toThrow(ConfigError);
    expect(() => new SGD(model, { learningRate: 1, momentum: 0.9, dampening: 0.1, nesterov: true })).toThrow(
      'SGD: nesterov needs a momentum above 0 and no dampening',
    );
    expect(() => new SGD(model, { learningRate: 1, momentum: 0.9, dampening: NaN })).toThrow(ConfigError);
    expect(() => new SGD({ namedParameters: () => new Map() }, { learningRate: 1 })).toThrow('no trainable parameter');
    using optimizer = new SGD(model, { learningRate: 1 });
    expect(() => optimizer.minimize(() => mul(model.output.bias!, 1) as unknown as Scalar)).toThrow(
      'the loss must be a scalar, got [11]',
    );
    expect(() => optimizer.accumulate(() => scalar(1), { weight: -1 })).toThrow(ConfigError);
    expect(() => optimizer.rewind(1)).toThrow(ConfigError);
    using late = new SGD(model, { learningRate: (step) => (step < 1 ? 0 : NaN) });
    late.minimize(() => mul(sum(model.output.weight), 1) as Scalar);
    expect(() => late.minimize(() => mul(sum(model.output.weight), 1) as Scalar)).toThrow(
      'learningRate must be a number',
    );
  });

  it('leaks nothing', () => {
    expect(memory().numTensors).toBe(0);
  });
});
