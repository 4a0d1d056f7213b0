import { readFileSync } from 'node:fs';
import { cpu, useBackend } from '@formers/backend';
import {
  addN,
  memory,
  mul,
  type Scalar,
  sum,
  tensor,
  type Tensor,
  tidy,
  type Variable,
  variable,
} from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { Adafactor, AdamW, Lion, Muon, type Optimizer, SGD } from '../src/index.ts';

interface Case {
  name: string;
  kind: 'AdamW' | 'SGD' | 'Adafactor' | 'Lion' | 'Muon';
  options: {
    lr?: number;
    betas?: [number, number];
    eps?: number;
    weight_decay?: number;
    momentum?: number;
    dampening?: number;
    nesterov?: boolean;
    amsgrad?: boolean;
    maximize?: boolean;
    warmup_init?: boolean;
    scale_parameter?: boolean;
    beta1?: number;
    clip_threshold?: number;
    decay_rate?: number;
    ns_steps?: number;
    adjust_lr_fn?: string;
  };
  clip: number | null;
  points: { step: number; norm: number; parameters: Record<string, number[]>; state: Record<string, number[]> }[];
}
const { shapes, cases } = JSON.parse(readFileSync(new URL('fixtures/optimizers.json', import.meta.url), 'utf8')) as {
  shapes: Record<string, number[]>;
  cases: Case[];
};

/** The generator of by-hand/optimizers.py. */
class Generator {
  #state = 1n;

  values(shape: readonly number[]): Float32Array {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return Float32Array.from({ length: size }, () => {
      this.#state = (this.#state * 1103515245n + 12345n) % 2n ** 31n;
      return (Number(this.#state >> 7n) - 2 ** 23) / 2 ** 23;
    });
  }
}

function createOptimizer({ kind, options, clip }: Case, parameters: Map<string, Variable>): Optimizer {
  const { lr = 0, betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8, weight_decay = 0, momentum, nesterov } = options;
  const { amsgrad = false, maximize = false, dampening = 0 } = options;
  const common = { weightDecay: weight_decay, maximize, ...(clip !== null && { clipNorm: clip }) };
  const rated = { ...common, learningRate: lr };
  const model = { namedParameters: () => parameters };
  switch (kind) {
    case 'AdamW':
      return new AdamW(model, { ...rated, beta1, beta2, epsilon: eps, amsgrad });
    case 'SGD':
      return new SGD(model, {
        ...rated,
        dampening,
        ...(momentum !== undefined && { momentum }),
        ...(nesterov && { nesterov }),
      });
    case 'Lion':
      return new Lion(model, { ...rated, beta1, beta2 });
    case 'Muon':
      return new Muon(model, {
        ...rated,
        matrices: (_, { rank }) => rank === 2,
        ...(momentum !== undefined && { momentum }),
        ...(nesterov !== undefined && { nesterov }),
        ...(options.ns_steps !== undefined && { iterations: options.ns_steps }),
        rateScale: options.adjust_lr_fn === 'match_rms_adamw' ? 'adam' : 'original',
      });
    case 'Adafactor':
      return new Adafactor(model, {
        ...common,
        ...(options.lr !== undefined && { learningRate: options.lr }),
        ...(options.warmup_init && { warmupInit: true }),
        ...(options.scale_parameter === false && { scaleParameter: false }),
        ...(options.beta1 !== undefined && { beta1: options.beta1 }),
        ...(options.clip_threshold !== undefined && { clipThreshold: options.clip_threshold }),
        ...(options.decay_rate !== undefined && { decayRate: options.decay_rate }),
      });
  }
}

const exact = JSON.parse(readFileSync(new URL('fixtures/optimizers-float64.json', import.meta.url), 'utf8')) as Record<
  string,
  Case['points']
>;

/** How far the optimizers may be from each other, as a share of the largest value; sums over a tensor, whose order is each library's own, round more. */
const ROUNDING = { AdamW: 3e-7, SGD: 3e-7, Lion: 3e-7, Adafactor: 3e-6, Muon: 3e-6 } as const;

const largestDifference = (a: ArrayLike<number>, b: readonly number[]): number =>
  Math.max(...b.map((value, i) => Math.abs((a[i] as number) - value)));

/** Near what PyTorch has, and as near to what float64 has as PyTorch is, so that the difference between the two is rounding. */
function expectNear(
  found: Float32Array,
  {
    theirs,
    wanted,
    where,
    of: { kind },
  }: { theirs: readonly number[]; wanted: readonly number[]; where: string; of: Case },
): void {
  expect([found.length, theirs.length]).toEqual([wanted.length, wanted.length]);
  const scale = Math.max(...wanted.map(Math.abs));
  theirs.forEach((value, i) =>
    expect(Math.abs((found[i] as number) - value), `${where}[${i}] = ${value}`).toBeLessThanOrEqual(
      1e-6 * Math.abs(value) + ROUNDING[kind] * scale,
    ),
  );
  const rounding = 1.5 * largestDifference(theirs, wanted) + 3e-7 * scale;
  expect(largestDifference(found, wanted), `${where} from float64`).toBeLessThanOrEqual(rounding);
}

describe('optimizers against PyTorch, Transformers and lion-pytorch, and those in float64, 1,000 steps', () => {
  let before = 0;
  beforeAll(async () => {
    await useBackend(cpu());
    before = memory().numTensors;
  });
  it.each(cases)('$name', async (golden) => {
    const generator = new Generator();
    const parameters = new Map(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        tidy(() => variable(tensor(generator.values(shape), shape))),
      ]),
    );
    using optimizer = createOptimizer(golden, parameters);
    for (let step = 1; step <= (golden.points.at(-1)?.step ?? 0); step++) {
      const gradients = new Map(
        Object.entries(shapes).map(([name, shape]) => [name, tensor(generator.values(shape), shape)]),
      );
      // The gradient of the sum of products with g is g.
      const result = optimizer.minimize(
        () =>
          addN(
            [...parameters].map(([name, parameter]) => sum(mul(parameter, gradients.get(name) as Tensor))),
          ) as Scalar,
      );
      for (const gradient of gradients.values()) gradient.dispose();
      const point = golden.points.find((point) => point.step === step);
      if (!point) continue;
      const right = exact[golden.name]?.find((point) => point.step === step) as Case['points'][0];
      expect(await result.gradientNorm()).toBeCloseTo(point.norm, 5);
      expect(await result.finite()).toBe(true);
      for (const [name, values] of Object.entries(point.parameters))
        expectNear(await (parameters.get(name) as Variable).data<'float32'>(), {
          theirs: values,
          wanted: right.parameters[name] as number[],
          where: `step ${step}: ${name}`,
          of: golden,
        });
      const { tensors } = await optimizer.state();
      expect([...tensors.keys()].toSorted()).toEqual(Object.keys(point.state).toSorted());
      for (const [name, values] of Object.entries(point.state))
        expectNear(tensors.get(name)?.values as Float32Array, {
          theirs: values,
          wanted: right.state[name] as number[],
          where: `step ${step}: ${name}`,
          of: golden,
        });
    }
    for (const parameter of parameters.values()) parameter.dispose();
  });

  it('leaks nothing', () => {
    expect(memory().numTensors).toBe(before);
  });
});
