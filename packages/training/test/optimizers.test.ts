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

import { AdamW, type Optimizer, SGD } from '../src/index.ts';

interface Case {
  name: string;
  kind: 'AdamW' | 'SGD';
  options: {
    lr: number;
    betas?: [number, number];
    eps?: number;
    weight_decay?: number;
    momentum?: number;
    nesterov?: boolean;
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
  const { lr, betas, eps, weight_decay = 0, momentum, nesterov } = options;
  const common = { learningRate: lr, weightDecay: weight_decay, ...(clip !== null && { clipNorm: clip }) };
  const model = { namedParameters: () => parameters };
  if (kind === 'SGD')
    return new SGD(model, {
      ...common,
      ...(momentum !== undefined && { momentum }),
      ...(nesterov !== undefined && { nesterov }),
    });
  const [beta1, beta2] = betas as [number, number];
  return new AdamW(model, { ...common, beta1, beta2, epsilon: eps as number });
}

function expectNear(found: Float32Array, expected: readonly number[], where: string): void {
  expect(found.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  expected.forEach((value, i) =>
    expect(Math.abs((found[i] as number) - value), `${where}[${i}] = ${value}`).toBeLessThanOrEqual(
      1e-6 * Math.abs(value) + 3e-7 * scale,
    ),
  );
}

describe('optimizers against PyTorch, 300 steps', () => {
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
      expect(await result.gradientNorm()).toBeCloseTo(point.norm, 5);
      expect(await result.finite()).toBe(true);
      for (const [name, values] of Object.entries(point.parameters))
        expectNear(await (parameters.get(name) as Variable).data<'float32'>(), values, `step ${step}: ${name}`);
      const { tensors } = await optimizer.state();
      expect([...tensors.keys()].toSorted()).toEqual(Object.keys(point.state).toSorted());
      for (const [name, values] of Object.entries(point.state))
        expectNear(tensors.get(name)?.values as Float32Array, values, `step ${step}: ${name}`);
    }
    for (const parameter of parameters.values()) parameter.dispose();
  });

  it('leaks nothing', () => {
    expect(memory().numTensors).toBe(before);
  });
});
